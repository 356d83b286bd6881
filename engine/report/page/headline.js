// The scores: tiles of the run that is looked at, all runs in a table, differences, what the format
// allows, and what another way of counting would make of the same answers.

const METRICS = [
  { path: "grounding.acc_50", term: "acc_50", tile: true },
  { path: "grounding.mean_iou", term: "grounding_iou", tile: true, ceiling: "mean_iou" },
  { path: "grounding.exact_50", term: "exact_50" },
  { path: "grounding.rejection_accuracy", term: "rejection", tile: true },
  { path: "operating_point.f1_50", term: "f1_50", tile: true, ceiling: "f1_50" },
  { path: "operating_point.precision_50", term: "precision_50", tile: true },
  { path: "operating_point.recall_50", term: "recall_50", tile: true, ceiling: "f1_50" },
  { path: "operating_point.f1_75", term: "f1_75", ceiling: "f1_75" },
  { path: "operating_point.f1_mean", term: "f1_mean", ceiling: "f1_mean", tile: true },
  { path: "operating_point.macro_f1_50", term: "macro_f1_50" },
  { path: "operating_point.mean_iou", term: "mean_iou", ceiling: "mean_iou" },
  { path: "coco.AP", term: "AP", label: `AP (${page.score_mode})`, tile: true },
  { path: "coco.AP50", term: "AP50", label: `AP at 0.5 (${page.score_mode})` },
];

function labelOf(metric) {
  return metric.label ?? TERMS[metric.term][0];
}

/** The metrics that any run has a number for. */
const known = METRICS.filter((metric) => runs.some((run) => valueOf(run, metric.path) !== null));

function renderHeadline() {
  const body = byId("scores-body");
  const tiles = make("div", { class: "tiles" });
  const remarks = make("div", {});
  const beside = make("div", { class: "columns" });
  fill(body, {}, [remarks, tiles, runs.length > 1 ? runsTable() : null, differencesTable(), beside]);
  watch(() => {
    const run = runs[view.run];
    tiles.replaceChildren(...tileMetrics(run).map((metric) => tile(run, metric)));
    remarks.replaceChildren(...remarksOf(run));
    beside.replaceChildren(...[ceilingTable(run), protocolTable(run)].filter(Boolean));
  });
}

function tileMetrics(run) {
  const found = known.filter((metric) => metric.tile && valueOf(run, metric.path) !== null);
  const isGrounding = run.task === "grounding";
  return found.filter(
    (metric) => !isGrounding || metric.path.startsWith("grounding.") || metric.term.endsWith("_50"),
  );
}

function tile(run, metric) {
  const value = valueOf(run, metric.path);
  const span = run.intervals[metric.path];
  return make(
    "div",
    { class: "tile" },
    make("p", { class: "tile-name" }, term(metric.term, labelOf(metric))),
    make("p", { class: "tile-value" }, fixed(value)),
    rangeBar(value, span, run.ceiling?.[metric.ceiling]),
    make(
      "p",
      { class: "small" },
      span ? [`${fixed(span.low)} – ${fixed(span.high)} `, term("interval", "95 %")] : "no interval",
    ),
    changeLine(run, metric.path),
  );
}

/** The scale from 0 to 1 with the interval, the value and the format's ceiling. */
function rangeBar(value, span, ceiling) {
  const at = (share) => `${100 * Math.min(1, Math.max(0, share))}%`;
  return make(
    "div",
    { class: "range", "aria-hidden": "true" },
    span ? make("i", { class: "span", style: { left: at(span.low), right: at(1 - span.high) } }) : null,
    ceiling !== null && ceiling !== undefined
      ? make("i", { class: "limit", style: { left: at(ceiling) } })
      : null,
    make("i", { class: "dot", style: { left: at(value) } }),
  );
}

function changeLine(run, path) {
  const difference = page.differences.find((each) => each.run === run.name);
  const change = difference?.metrics[path];
  if (!change || change.difference === null) return null;
  return make(
    "p",
    { class: "small" },
    changeMark(change),
    ` ${signed(change.difference)} against ${difference.baseline}`,
  );
}

function changeMark(change) {
  if (change.low === null) return make("span", { class: "muted", title: "no interval" }, "·");
  if (change.low > 0) return make("span", { class: "up", title: "better: the interval leaves out 0" }, "▲");
  if (change.high < 0) return make("span", { class: "down", title: "worse: the interval leaves out 0" }, "▼");
  return make("span", { class: "muted", title: "may be chance: the interval holds 0" }, "≈");
}

function remarksOf(run) {
  const found = run.health.coordinate_lint.map((reading) => [
    make("b", {}, "Another coordinate space? "),
    `${reading.message} (${plural(reading.answers, "answer")}). The scores take the numbers as the format defines them.`,
  ]);
  const unanswered = Object.values(run.health.errors).reduce((sum, each) => sum + each, 0);
  if (unanswered)
    found.push([
      make("b", {}, "Not answered: "),
      `${count(unanswered)} of ${plural(run.records, "record")}; they count as answers without boxes.`,
    ]);
  if (run.health.unsound)
    found.push([
      make("b", {}, "Faulty answers: "),
      `${count(run.health.unsound)} of ${count(run.records)} (${percent(run.health.unsound / run.records)}); see Health below.`,
    ]);
  for (const note of run.notes) found.push([make("b", {}, "Note: "), note]);
  return found.map((parts) => make("p", { class: "alert" }, parts));
}

function runsTable() {
  const head = [
    make("th", { scope: "col" }, "Checkpoint"),
    make("th", { scope: "col", class: "number" }, "Records"),
    known.map((metric) => make("th", { scope: "col", class: "number" }, term(metric.term, labelOf(metric)))),
  ];
  const body = make("tbody", {});
  const whole = make(
    "table",
    {},
    make("caption", { class: "hidden" }, "Scores of all checkpoints"),
    make("thead", {}, make("tr", {}, head)),
    body,
  );
  watch(() =>
    body.replaceChildren(
      ...runs.map((run, number) =>
        make(
          "tr",
          { class: number === view.run ? "chosen" : null },
          make(
            "th",
            { scope: "row", class: "name-cell" },
            make(
              "button",
              {
                type: "button",
                class: "plain",
                title: run.name,
                "aria-pressed": String(number === view.run),
                on: { click: () => lookAt(number) },
              },
              run.name,
            ),
          ),
          cell(count(run.records)),
          known.map((metric) => scoreCell(run, metric)),
        ),
      ),
    ),
  );
  return [make("h3", {}, "All checkpoints"), scrollable("Scores of all checkpoints", whole)];
}

function scoreCell(run, metric) {
  const span = run.intervals[metric.path];
  return make(
    "td",
    { class: "number" },
    fixed(valueOf(run, metric.path)),
    span ? make("span", { class: "small block" }, `${fixed(span.low)}–${fixed(span.high)}`) : null,
  );
}

function differencesTable() {
  if (!page.differences.length) return null;
  const shown = known.filter((metric) => page.differences.some((each) => each.metrics[metric.path]));
  const head = [
    make("th", { scope: "col" }, term("difference", "Difference")),
    make("th", { scope: "col", class: "number" }, "Same images"),
    shown.map((metric) => make("th", { scope: "col", class: "number" }, labelOf(metric))),
  ];
  const rows = page.differences.map((each) =>
    make(
      "tr",
      {},
      make(
        "th",
        { scope: "row", class: "name-cell" },
        `${each.run} ${MINUS}`,
        make("span", { class: "block" }, each.baseline),
      ),
      cell(count(each.common)),
      shown.map((metric) => changeCell(each.metrics[metric.path])),
    ),
  );
  const partial = page.differences.some((each) => each.only_run + each.only_baseline > 0);
  return [
    make("h3", {}, "Differences on the same images"),
    scrollable(
      "Differences between checkpoints",
      table("Paired differences between checkpoints", head, rows),
      rows.length > 8,
    ),
    make(
      "p",
      { class: "small" },
      "▲ better and ▼ worse where the 95 % interval leaves out 0; ≈ where it holds 0; · where there is no interval.",
      partial
        ? " Some checkpoints answered about other records too: a difference counts those that both answered about, and no other."
        : null,
    ),
  ];
}

function changeCell(change) {
  if (!change || change.difference === null) return cell("–");
  return make(
    "td",
    { class: "number" },
    changeMark(change),
    ` ${signed(change.difference)}`,
    change.low === null
      ? null
      : make("span", { class: "small block" }, `${signed(change.low)} to ${signed(change.high)}`),
  );
}

function ceilingTable(run) {
  if (!run.ceiling) return null;
  const rows = [
    ["F1 at IoU 0.5", "f1_50"],
    ["F1 at IoU 0.75", "f1_75"],
    ["F1, mean of 0.5–0.95", "f1_mean"],
    ["Mean IoU", "mean_iou"],
  ].map(([label, name]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, label),
      cell(fixed(run.operating_point[name])),
      cell(fixed(run.ceiling[name])),
    ),
  );
  const sizes = SIZES.map((size) => [size, run.ceiling[`mean_iou_${size}`]]).filter(
    ([, iou]) => iou !== null,
  );
  const head = ["", run.name, "ceiling"].map((name, i) =>
    make("th", { scope: "col", class: i ? "number" : null }, name),
  );
  return make(
    "div",
    {},
    make("h3", {}, term("ceiling", `How far ${run.format} can go`)),
    scrollable("Ceiling of the format", table("Scores beside what the format allows", head, rows)),
    make(
      "p",
      { class: "small" },
      `Mean IoU after rounding: ${sizes.map(([size, iou]) => `${size} ${fixed(iou)}`).join(", ")}.`,
    ),
  );
}

function protocolTable(run) {
  const names = {
    f1_50: "F1 at IoU 0.5",
    precision_50: "Precision at IoU 0.5",
    recall_50: "Recall at IoU 0.5",
    f1_mean: "F1, mean of 0.5–0.95",
    AP: `AP (${page.score_mode})`,
    AP50: `AP at 0.5 (${page.score_mode})`,
    acc_50: "Acc@0.5",
    rejection_accuracy: "Rejection accuracy",
  };
  const { honest, published, gap } = run.protocols;
  const rows = Object.keys(names)
    .filter((name) => honest[name] !== null || published[name] !== null)
    .map((name) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, names[name]),
        cell(fixed(honest[name])),
        cell(fixed(published[name])),
        cell(gap[name] === 0 ? "0" : signed(gap[name])),
      ),
    );
  const head = ["", "honest", "published"].map((name, i) =>
    make("th", { scope: "col", class: i ? "number" : null }, name),
  );
  head.push(make("th", { scope: "col", class: "number" }, term("gap", "gap")));
  return make(
    "div",
    {},
    make("h3", {}, "Honest and published counting"),
    scrollable("Honest and published counting", table("Scores under two protocols", head, rows)),
    make("p", { class: "small" }, `Everything else on this page counts the ${page.protocol} way.`),
  );
}
