// What goes wrong: shares by kind, what each kind costs, sizes, numbers of objects, confusions.

const MAX_PAIRS = 15;

function renderMistakes() {
  const body = byId("mistakes-body");
  const own = make("div", {});
  body.append(
    make(
      "div",
      { class: "columns" },
      make(
        "div",
        {},
        make("h3", {}, "What became of the targets"),
        runs.map((run) => stack(run.name, targetShares(run))),
      ),
      make(
        "div",
        {},
        make("h3", {}, "What the boxes were"),
        runs.map((run) => stack(run.name, boxShares(run))),
      ),
    ),
    legend(KINDS.filter((kind) => kind !== "ignored" || runs.some((run) => run.operating_point.ignored_50))),
    own,
  );
  watch(() => {
    const run = runs[view.run];
    own.replaceChildren(
      make("h3", {}, `Kinds of mistakes, ${run.name}`),
      kindsTable(run),
      make(
        "div",
        { class: "columns" },
        make(
          "div",
          {},
          make("h3", {}, "By size"),
          groupsTable(run, "Size", run.by_size),
          make(
            "p",
            { class: "small" },
            "COCO's sizes: small below 32² pixels, medium below 96², large above. Wrong boxes count by their own size.",
          ),
        ),
        make("div", {}, make("h3", {}, "By number of objects"), groupsTable(run, "Targets", run.by_objects)),
      ),
      ...confusionList(run),
    );
  });
}

function legend(kinds) {
  return make(
    "p",
    { class: "legend small" },
    kinds.map((kind) => make("span", {}, kindMark(kind), " ", term(kind))),
  );
}

function targetShares(run) {
  const lost = Object.fromEntries(run.errors.map((each) => [each.kind, each.targets]));
  return {
    right: run.operating_point.true_positives_50,
    misplaced: lost.misplaced,
    mislabelled: lost.mislabelled,
    missed: lost.missed,
  };
}

function boxShares(run) {
  const wrong = Object.fromEntries(run.errors.map((each) => [each.kind, each.predictions]));
  return {
    right: run.operating_point.true_positives_50,
    duplicate: wrong.duplicate,
    misplaced: wrong.misplaced,
    mislabelled: wrong.mislabelled,
    invented: wrong.invented,
    ignored: run.operating_point.ignored_50,
  };
}

function stack(name, shares) {
  const total = Object.values(shares).reduce((sum, each) => sum + each, 0);
  const shown = Object.entries(shares).filter(([, number]) => number);
  const said = shown
    .map(([kind, number]) => `${kind} ${count(number)} (${percent(number / total)})`)
    .join(", ");
  return make(
    "div",
    { class: "stack-row" },
    runs.length > 1 ? make("span", { class: "small name" }, name) : null,
    make(
      "div",
      { class: "stack", role: "img", "aria-label": `${name}: ${said || "none"}` },
      shown.map(([kind, number]) =>
        make(
          "span",
          {
            class: `segment ${kind}`,
            title: `${kind}: ${count(number)} (${percent(number / total)})`,
            style: { "flex-grow": number },
          },
          number / total > 0.1 ? `${SIGNS[kind]} ${percent(number / total)}` : "",
        ),
      ),
    ),
    make("span", { class: "small total" }, count(total)),
  );
}

function kindsTable(run) {
  const head = [
    make("th", { scope: "col" }, "Kind"),
    make("th", { scope: "col" }, "What it is"),
    make("th", { scope: "col", class: "number" }, "Wrong boxes"),
    make("th", { scope: "col", class: "number" }, "Targets lost"),
    make("th", { scope: "col", class: "number" }, term("fixed", "F1 if fixed")),
    make("th", { scope: "col", class: "number" }, "Gain"),
  ];
  const gainOf = (each) =>
    each.f1_50_if_fixed === null ? null : each.f1_50_if_fixed - (run.operating_point.f1_50 ?? 0);
  const most = Math.max(...run.errors.map(gainOf), 1e-9);
  const rows = run.errors.map((each) => {
    const gain = gainOf(each);
    const name = gallery.records.length
      ? make(
          "button",
          {
            type: "button",
            class: "plain",
            title: `Show ${each.kind} in the gallery`,
            on: { click: () => showInGallery({ kinds: [each.kind] }) },
          },
          each.kind,
        )
      : each.kind;
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, kindMark(each.kind), " ", name),
      make("td", { class: "wide" }, TERMS[each.kind][1]),
      cell(count(each.predictions)),
      cell(count(each.targets)),
      cell(fixed(each.f1_50_if_fixed)),
      cell(signed(gain), gain === null ? null : Math.max(0, gain) / most),
    );
  });
  return scrollable("Kinds of mistakes", table("Kinds of mistakes", head, rows));
}

function groupsTable(run, name, groups) {
  const head = [name, "Targets", "F1 at 0.5", "Precision", "Recall", "Mean IoU"].map((label, i) =>
    make("th", { scope: "col", class: i ? "number" : null }, label),
  );
  if (groups.some((group) => group.records !== null))
    head.splice(1, 0, make("th", { scope: "col", class: "number" }, "Records"));
  const rows = groups
    .filter((group) => group.targets || group.predictions || group.records)
    .map((group) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, group.group),
        group.records === null ? null : cell(count(group.records)),
        cell(count(group.targets)),
        cell(fixed(group.f1_50), group.f1_50),
        cell(fixed(group.precision_50)),
        cell(fixed(group.recall_50)),
        cell(fixed(group.mean_iou)),
      ),
    );
  return scrollable(`By ${name.toLowerCase()}`, table(`Scores by ${name.toLowerCase()}`, head, rows));
}

function confusionList(run) {
  const pairs = run.confusion.filter((each) => each.target !== each.prediction).slice(0, MAX_PAIRS);
  if (!pairs.length) return [];
  const most = pairs[0].count;
  const head = ["Target", "was called", "times"].map((label, i) =>
    make("th", { scope: "col", class: i === 2 ? "number" : null }, label),
  );
  const rows = pairs.map((each) =>
    make(
      "tr",
      {},
      make(
        "th",
        { scope: "row" },
        gallery.records.length
          ? make(
              "button",
              {
                type: "button",
                class: "plain",
                title: "Show in the gallery",
                on: { click: () => showInGallery({ class: each.target, kinds: ["mislabelled"] }) },
              },
              each.target,
            )
          : each.target,
      ),
      make("td", {}, each.prediction),
      cell(count(each.count), each.count / most),
    ),
  );
  return [
    make("h3", {}, "Most frequent confusions"),
    scrollable(
      "Most frequent confusions",
      table("Targets that were called something else, at IoU 0.5", head, rows, { class: "narrow" }),
    ),
  ];
}
