// What is wrong with answers, whatever their boxes are worth. All runs side by side.

function renderHealth() {
  const issues = [...new Set(runs.flatMap((run) => Object.keys(run.health.issues)))];
  const errors = [...new Set(runs.flatMap((run) => Object.keys(run.health.errors)))];
  const groups = [
    [
      "Answers",
      [
        ["records", null, (health) => [health.records]],
        ...errors.map((error) => [
          `not answered: ${error}`,
          "Nobody could answer; counts as an answer without boxes.",
          (health) => [health.errors[error] ?? 0, health.records],
        ]),
        [
          "with any issue",
          "Answers that could not be parsed completely.",
          (health) => [health.unsound, health.records],
        ],
        ...issues.map((issue) => [
          `issue: ${issue.replaceAll("_", " ")}`,
          page.issue_meanings[issue] ?? "",
          (health) => [health.issues[issue] ?? 0, health.records],
        ]),
        [
          "stopped early",
          "Ended by the limit of tokens, or the text stops inside an object.",
          (health) => [health.truncated, health.records],
        ],
        [
          "sound, without a box",
          "The answer says that nothing is there.",
          (health) => [health.empty_answers, health.records],
        ],
        ["tokens, mean", null, (health) => [health.mean_tokens]],
      ],
    ],
    [
      "Boxes",
      [
        ["boxes", null, (health) => [health.predictions]],
        [
          "out of the image",
          "Reaches out by more than 0.001 pixels.",
          (health) => [health.out_of_range, health.predictions],
        ],
        [
          "without area",
          "Inverted, or with equal corners.",
          (health) => [health.degenerate, health.predictions],
        ],
        [
          "of an invented class",
          "The label is not in the list; counts as wrong.",
          (health) => [health.invented_classes, health.predictions],
        ],
        ["without a label", "Counts as wrong.", (health) => [health.unlabelled, health.predictions]],
        [
          "repeated",
          "IoU above 0.9 with an earlier box of the same class in the same image.",
          (health) => [health.duplicates, health.predictions],
        ],
      ],
    ],
    [
      "Counting",
      [
        ["count error, mean", "Mean over records of |boxes − targets|.", (health) => [health.count_error]],
        [
          "count bias, mean",
          "Mean over records of boxes − targets: below 0 where too few.",
          (health) => [health.count_bias],
        ],
        ["records without a target", null, (health) => [health.empty_images, health.records]],
        ["of these, with boxes", null, (health) => [health.empty_images_with_boxes, health.empty_images]],
        ["boxes on them", null, (health) => [health.false_boxes_on_empty_images]],
      ],
    ],
  ];
  const head = [
    make("th", { scope: "col" }, "Figure"),
    runs.map((run) => make("th", { scope: "col", class: "number" }, run.name)),
  ];
  const rows = groups.flatMap(([title, figures]) => [
    make("tr", { class: "group" }, make("th", { scope: "colgroup", colspan: runs.length + 1 }, title)),
    ...figures.filter(([, , read]) => runs.some((run) => read(run.health)[0] !== null)).map(figureRow),
  ]);
  byId("health-body").append(
    scrollable("Health of the answers", table("Health of the answers, by checkpoint", head, rows)),
    ...runs.map(lintNote).filter(Boolean),
    ...runs.map(inventedNote).filter(Boolean),
  );
}

function figureRow([label, meaning, read]) {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, label, meaning ? make("span", { class: "small block" }, meaning) : null),
    runs.map((run) => {
      const [number, whole] = read(run.health);
      const text = Number.isInteger(number) || number === null ? count(number) : fixed(number, 2);
      return make(
        "td",
        { class: number ? "number" : "number faint" },
        text,
        whole && number ? make("span", { class: "small block" }, percent(number / whole)) : null,
      );
    }),
  );
}

function lintNote(run) {
  const found = run.health.coordinate_lint;
  if (!found.length) return null;
  return make(
    "div",
    { class: "alert" },
    make("p", {}, make("b", {}, `${run.name}: answers that look like another coordinate space`)),
    make(
      "ul",
      {},
      found.map((reading) => make("li", {}, `${reading.message} (${plural(reading.answers, "answer")})`)),
    ),
    make(
      "p",
      { class: "small" },
      "A diagnosis, not a rescore: check the format that was asked for, and whether images were resized on the way.",
    ),
  );
}

function inventedNote(run) {
  const names = run.health.invented_names;
  if (!names.length) return null;
  return make(
    "p",
    {},
    make("b", {}, `${run.name}, classes that are not in the list: `),
    names.map((each, i) => [i ? ", " : "", make("code", {}, each.name), ` ${count(each.count)}`]),
  );
}
