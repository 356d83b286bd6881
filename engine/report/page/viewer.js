// One record at full width: every box by name, the raw text of the answer, and the other checkpoints.

const viewer = byId("viewer");
const MOST_LABELS = 14; // of more boxes, labels would hide the picture: they then show one by one
let current = -1;

function openViewer(index) {
  current = index;
  renderViewer();
  if (!viewer.open) viewer.showModal();
  writeAddress();
}

function step(by) {
  const next = current + by;
  if (next < 0 || next >= found.length) return;
  openViewer(next);
}

function renderViewer() {
  const record = found[current];
  const answer = record.answers[view.run];
  const focused = viewer.contains(document.activeElement) ? document.activeElement.id : "";
  viewer.replaceChildren(
    make(
      "header",
      {},
      make("h2", { id: "viewer-title", tabindex: -1 }, `Record ${clip(record.id, 80)}`),
      make("span", { class: "small" }, `${count(current + 1)} of ${count(found.length)}`),
      make(
        "button",
        {
          type: "button",
          id: "previous",
          "aria-keyshortcuts": "ArrowLeft",
          disabled: current === 0,
          on: { click: () => step(-1) },
        },
        "← previous",
      ),
      make(
        "button",
        {
          type: "button",
          id: "next",
          "aria-keyshortcuts": "ArrowRight",
          disabled: current === found.length - 1,
          on: { click: () => step(1) },
        },
        "next →",
      ),
      make("button", { type: "button", id: "close", on: { click: () => viewer.close() } }, "Close"),
    ),
    runs.length > 1 ? runChoice(record) : "",
    make(
      "div",
      { class: "viewer-body" },
      make("div", {}, labelledPicture(record), imageLine(record)),
      make(
        "div",
        {},
        record.query === null
          ? null
          : [make("h3", {}, "Expression"), make("p", { class: "query" }, record.query)],
        answerText(answer),
        boxTable(record, answer),
      ),
    ),
  );
  const target = focused ? byId(focused) : null;
  (target && !target.disabled ? target : byId("viewer-title")).focus();
}

function labelledPicture(record) {
  const shown = picture(record, view.run, { labels: true });
  const few = boxesOf(record, view.run).length <= MOST_LABELS;
  const show = (on) => shown.classList.toggle("unlabelled", !on);
  show(few);
  const box = make("input", {
    type: "checkbox",
    id: "show-labels",
    checked: few,
    on: { change: (event) => show(event.target.checked) },
  });
  return [shown, make("label", { class: "check small" }, box, " labels")];
}

function runChoice(record) {
  return make(
    "div",
    { class: "runs", role: "group", "aria-label": "Checkpoint" },
    runs.map((run, number) =>
      make(
        "button",
        {
          type: "button",
          id: `viewer-run-${number}`,
          "aria-pressed": String(number === view.run),
          disabled: !record.answers[number],
          on: {
            click: () => {
              lookAtKeeping(record, number);
            },
          },
        },
        run.name,
        record.answers[number]?.f1 === null || !record.answers[number]
          ? ""
          : make("span", { class: "small" }, ` F1 ${fixed(record.answers[number].f1, 2)}`),
      ),
    ),
  );
}

/** Another checkpoint's answer to the same record, though filters may leave it out there. */
function lookAtKeeping(record, run) {
  current = -1;
  lookAt(run);
  if (!found.includes(record)) found.unshift(record);
  current = found.indexOf(record);
  renderViewer();
  writeAddress();
}

function imageLine(record) {
  const parts = [
    make("a", { href: addressOf(record) }, "link to this record"),
    ` · ${record.size.join(" × ")} pixels · `,
  ];
  parts.push(
    record.link === null
      ? record.name
      : make(
          "a",
          { href: record.link, rel: "noopener noreferrer", target: "_blank" },
          `image ${record.name}`,
        ),
  );
  if (record.thumbnail === null) parts.push(" · the image could not be read when this page was made");
  return make("p", { class: "small" }, parts);
}

function answerText(answer) {
  const left = answer.chars - answer.text.length;
  return [
    make("h3", {}, "Answer, as it came"),
    answer.error === null ? null : make("p", { class: "alert" }, `Not answered: ${answer.error}`),
    answer.issues.map((issue) =>
      make(
        "p",
        { class: "alert" },
        make("b", {}, issue.replaceAll("_", " ")),
        `: ${page.issue_meanings[issue] ?? ""}`,
      ),
    ),
    make("pre", { tabindex: 0, "aria-label": "Raw text of the answer" }, answer.text || "(empty)"),
    left > 0 ? make("p", { class: "small" }, `${count(left)} more characters are left out here.`) : null,
  ];
}

function boxTable(record, answer) {
  const boxes = boxesOf(record, view.run);
  const head = ["", "What became of it", "Class", "IoU", "Score", "x1, y1, x2, y2"].map((label) =>
    make("th", { scope: "col" }, label),
  );
  const hasScores = boxes.some((box) => box.score !== null);
  if (!hasScores) head.splice(4, 1);
  const rows = boxes.map((box) =>
    make(
      "tr",
      { on: { mouseenter: () => light(box, true), mouseleave: () => light(box, false) } },
      make(
        "td",
        {},
        make(
          "button",
          {
            type: "button",
            class: "plain",
            "aria-label": `Point at ${box.side} ${box.index + 1}`,
            on: { focus: () => light(box, true), blur: () => light(box, false) },
          },
          `${box.side === "target" ? "T" : "P"}${box.index + 1}`,
        ),
      ),
      make(
        "td",
        {},
        kindMark(box.kind),
        ` ${box.kind}${box.other === null ? "" : ` (${box.side === "target" ? "P" : "T"}${box.other + 1})`}`,
      ),
      make("td", {}, clip(categoryName(box.category), 80)),
      make("td", { class: "number" }, fixed(box.iou, 2)),
      hasScores ? make("td", { class: "number" }, fixed(box.score, 3)) : null,
      make("td", { class: "number" }, box.xyxy.join(", ")),
    ),
  );
  const left = record.numTargets - record.targets.length + answer.numBoxes - answer.boxes.length;
  return [
    make(
      "h3",
      {},
      `${plural(record.numTargets, "target")} (T, dashed), ${plural(answer.numBoxes, "prediction")} (P, solid)`,
    ),
    boxes.length
      ? scrollable("Boxes", table("Boxes of the record", head, rows, { class: "box-table" }), true)
      : make("p", {}, "No boxes."),
    left > 0 ? make("p", { class: "small" }, `${count(left)} more boxes are left out here.`) : null,
  ];
}

function light(box, on) {
  viewer.querySelector(".picture").classList.toggle("lit", on);
  for (const each of viewer.querySelectorAll(`[data-box="${box.side}-${box.index}"]`))
    each.classList.toggle("lit", on);
}

function listenToViewer() {
  viewer.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("pre, .scroll")) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());
  viewer.addEventListener("close", () => {
    const record = found[current];
    while (shownCards <= current && shownCards < found.length) showMore(byId("cards"), byId("more"));
    current = -1;
    byId("cards")
      .querySelector(`[data-record="${place.get(record)}"]`)
      ?.focus();
    writeAddress();
  });
}
