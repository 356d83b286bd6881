// Curves over checkpoints, drawn to scale: the value axis runs from 0 to 1 unless a person asks
// otherwise, and checkpoints stand at their steps where their names tell them.

const PLOT = { width: 340, height: 210, left: 38, right: 14, top: 12, bottom: 34 };
const MOST_VALUES = 6; // of more points only the first, the last and the one looked at show their numbers
const CURVES = new Set([
  "acc_50",
  "grounding_iou",
  "rejection",
  "f1_50",
  "precision_50",
  "recall_50",
  "f1_mean",
  "AP",
]);

function renderCurves() {
  if (runs.length < 2) return;
  byId("curves").hidden = false;
  document.querySelector('nav a[href="#curves"]').hidden = false;
  const shown = known.filter((metric) => CURVES.has(metric.term));
  const plots = make("div", { class: "plots" });
  const steps = stepsOf(runs.map((run) => run.name));
  let closely = false;
  const render = () => plots.replaceChildren(...shown.map((metric) => plot(metric, steps, closely)));
  const closer = make("input", {
    type: "checkbox",
    id: "closely",
    on: {
      change: (event) => {
        closely = event.target.checked;
        render();
      },
    },
  });
  byId("curves-body").append(
    make(
      "p",
      { class: "small" },
      steps
        ? "Checkpoints stand at their steps. "
        : "Checkpoints stand in the order given, at equal distances, and are not joined: their names tell no steps. ",
      page.replicates ? "Whiskers are 95 % intervals; AP has none. " : "",
      "Dashed: the ceiling of the format.",
    ),
    make(
      "label",
      { class: "check" },
      closer,
      " fit the value axis to the data (it then does not start at 0)",
    ),
    plots,
  );
  watch(render);
}

/** The numbers that names end in, where these alone tell the names apart and they grow. */
function stepsOf(names) {
  const parts = names.map((name) => /^(.*?)(\d+)\D*$/.exec(name));
  if (parts.some((part) => !part || part[1] !== parts[0][1])) return null;
  const steps = parts.map((part) => Number(part[2]));
  return steps.every((step, i) => !i || step > steps[i - 1]) ? steps : null;
}

function plot(metric, steps, closely) {
  const points = runs
    .map((run, i) => ({
      name: run.name,
      at: steps ? steps[i] : i,
      value: valueOf(run, metric.path),
      span: run.intervals[metric.path],
      ceiling: metric.ceiling ? (run.ceiling?.[metric.ceiling] ?? null) : null,
    }))
    .filter((point) => point.value !== null);
  const [low, high] = closely ? fitted(points) : [0, 1];
  const first = steps ? steps[0] : 0,
    last = steps ? steps[steps.length - 1] : runs.length - 1;
  const inset = 18;
  const x = (at) =>
    PLOT.left + inset + ((at - first) / (last - first)) * (PLOT.width - PLOT.left - PLOT.right - 2 * inset);
  const y = (value) =>
    PLOT.height - PLOT.bottom - ((value - low) / (high - low)) * (PLOT.height - PLOT.top - PLOT.bottom);
  const said = points.map((point) => `${point.name} ${fixed(point.value)}`).join(", ");
  const picture = draw(
    "svg",
    { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", "aria-label": `${labelOf(metric)}: ${said}` },
    axes(low, high, y),
    labels(points, steps, x),
    ceilingLine(points, x, y, low, high),
    steps
      ? draw("path", {
          class: "line",
          d: points.map((p, i) => `${i ? "L" : "M"}${x(p.at)} ${y(p.value)}`).join(""),
        })
      : null,
    points.map((point, i) =>
      mark(
        point,
        x,
        y,
        points.length <= MOST_VALUES ||
          i === 0 ||
          i === points.length - 1 ||
          point.name === runs[view.run].name,
      ),
    ),
  );
  return make(
    "figure",
    { class: "plot" },
    make(
      "figcaption",
      {},
      term(metric.term, labelOf(metric)),
      low > 0 ? make("span", { class: "small" }, ` axis from ${fixed(low, 2)}`) : null,
    ),
    picture,
  );
}

function fitted(points) {
  const ends = points.flatMap((point) => [
    point.value,
    point.span?.low ?? point.value,
    point.span?.high ?? point.value,
  ]);
  const low = Math.floor(20 * Math.min(...ends)) / 20,
    high = Math.ceil(20 * Math.max(...ends)) / 20;
  return high > low
    ? [Math.max(0, low), Math.min(1, high)]
    : [Math.max(0, low - 0.05), Math.min(1, high + 0.05)];
}

function axes(low, high, y) {
  return [0, 1, 2, 3, 4]
    .map((i) => low + (i / 4) * (high - low))
    .map((value) =>
      draw(
        "g",
        {},
        draw("line", {
          class: "grid",
          x1: PLOT.left,
          x2: PLOT.width - PLOT.right,
          y1: y(value),
          y2: y(value),
        }),
        draw(
          "text",
          { x: PLOT.left - 6, y: y(value) + 3.5, "text-anchor": "end" },
          value.toFixed(high - low < 0.3 ? 3 : 2),
        ),
      ),
    );
}

function labels(points, steps, x) {
  const room = (PLOT.width - PLOT.left) / Math.max(1, points.length);
  const chars = Math.max(4, Math.floor(room / 5.6));
  let end = -Infinity;
  return points
    .map((point) => {
      const text = steps
        ? count(point.at)
        : point.name.length > chars
          ? `${point.name.slice(0, chars - 1)}…`
          : point.name;
      const half = text.length * 2.9;
      const middle = Math.min(x(point.at), PLOT.width - half);
      if (middle - half < end + 4) return null;
      end = middle + half;
      return draw(
        "text",
        { x: middle, y: PLOT.height - PLOT.bottom + 16, "text-anchor": "middle" },
        draw("title", {}, point.name),
        text,
      );
    })
    .concat(
      steps
        ? draw(
            "text",
            { class: "axis-name", x: PLOT.width - PLOT.right, y: PLOT.height - 3, "text-anchor": "end" },
            "step",
          )
        : [],
    );
}

function ceilingLine(points, x, y, low, high) {
  const own = points.filter(
    (point) => point.ceiling !== null && point.ceiling >= low && point.ceiling <= high,
  );
  if (!own.length) return null;
  const path =
    own.length === 1
      ? `M${x(own[0].at) - 14} ${y(own[0].ceiling)}h28`
      : own.map((p, i) => `${i ? "L" : "M"}${x(p.at)} ${y(p.ceiling)}`).join("");
  return draw(
    "path",
    { class: "ceiling", d: path },
    draw("title", {}, `ceiling of the format: ${fixed(own[0].ceiling)}`),
  );
}

/** Above the whisker, or below it where the plot ends. */
function valueHeight(point, y) {
  const above = y(point.span?.high ?? point.value) - 6;
  return above > PLOT.top + 4 ? above : y(point.span?.low ?? point.value) + 14;
}

function mark(point, x, y, isNamed) {
  const at = x(point.at);
  return draw(
    "g",
    { class: runs[view.run].name === point.name ? "mark chosen" : "mark" },
    point.span
      ? draw("path", {
          class: "whisker",
          d: `M${at - 4} ${y(point.span.low)}h8M${at - 4} ${y(point.span.high)}h8M${at} ${y(point.span.low)}V${y(point.span.high)}`,
        })
      : null,
    draw("circle", { cx: at, cy: y(point.value), r: 3.5 }),
    isNamed
      ? draw(
          "text",
          { class: "value", x: at, y: valueHeight(point, y), "text-anchor": "middle" },
          fixed(point.value),
        )
      : null,
    draw(
      "title",
      {},
      `${point.name}: ${fixed(point.value)}${point.span ? ` (95 %: ${fixed(point.span.low)} to ${fixed(point.span.high)})` : ""}`,
    ),
  );
}
