// The table of classes: any column sorts it, a class leads to its pictures.

const CLASS_LABELS = {
  category: "Class",
  targets: "Targets",
  predictions: "Boxes",
  f1_50: "F1 at 0.5",
  precision_50: "Precision",
  recall_50: "Recall",
  f1_mean: "F1 mean",
  mean_iou: "Mean IoU",
  AP: `AP (${page.score_mode})`,
};
const SHARES = new Set(["f1_50", "precision_50", "recall_50", "f1_mean", "mean_iou", "AP"]);
const FIRST_ROWS = 15;

const classes = { sort: "targets", ascending: false, text: "", all: false };

function renderClasses() {
  const columns = page.class_columns.filter((column, i) =>
    runs.some((run) => run.by_class.some((row) => row[i] !== null)),
  );
  if (runs.length > 1) columns.splice(columns.indexOf("f1_50") + 1, 0, "change");
  const heads = columns.map((column) => classHead(column, () => update()));
  const body = make("tbody", {});
  const said = make("p", { class: "small", role: "status" });
  const more = make("button", {
    type: "button",
    on: {
      click: () => {
        classes.all = true;
        update();
      },
    },
  });
  const search = make("input", {
    type: "search",
    id: "class-text",
    autocomplete: "off",
    on: {
      input: (event) => {
        classes.text = event.target.value;
        update();
      },
    },
  });
  const whole = make(
    "table",
    { id: "class-table" },
    make("caption", { class: "hidden" }, "Scores by class. The buttons in the head sort the table."),
    make("thead", {}, make("tr", {}, heads)),
    body,
  );
  const region = scrollable("Scores by class", whole);
  byId("classes-body").append(
    make("div", { class: "tools" }, make("label", {}, "Class contains ", search), said),
    region,
    more,
  );

  function update() {
    const rows = sortedRows(columns);
    const shown = classes.all ? rows : rows.slice(0, FIRST_ROWS);
    body.replaceChildren(...shown.map((row) => classRow(row, columns)));
    region.classList.toggle("tall", classes.all);
    more.hidden = shown.length === rows.length;
    more.textContent = `Show all ${count(rows.length)}`;
    const total = runs[view.run].by_class.length;
    said.textContent = `${count(shown.length)} of ${plural(total, "class", "classes")}, ${runs[view.run].name}`;
    for (const [i, head] of heads.entries()) {
      const own = columns[i] === classes.sort;
      head.setAttribute("aria-sort", own ? (classes.ascending ? "ascending" : "descending") : "none");
    }
  }
  watch(update);
}

function classHead(column, update) {
  const label = column === "change" ? "Change" : (CLASS_LABELS[column] ?? column);
  const sort = () => {
    classes.ascending = classes.sort === column ? !classes.ascending : column === "category";
    classes.sort = column;
    update();
  };
  const known = { change: "difference", category: null }[column];
  const key = known === undefined ? column : known;
  return make(
    "th",
    { scope: "col", class: column === "category" ? null : "number", "aria-sort": "none" },
    make(
      "button",
      { type: "button", class: "sort", "data-term": key in TERMS ? key : null, on: { click: sort } },
      SIGNS[column] ? [kindMark(column), " "] : null,
      label,
    ),
  );
}

/** Rows of the run that is looked at, as objects; numbers that are not defined come last. */
function sortedRows(columns) {
  const text = classes.text.toLowerCase();
  const rows = classObjects(view.run);
  if (columns.includes("change")) {
    const before = new Map(classObjects(view.run ? 0 : 1).map((row) => [row.category, row.f1_50]));
    for (const row of rows) {
      const other = before.get(row.category);
      row.change =
        view.run === 0 || row.f1_50 === null || other === null || other === undefined
          ? null
          : row.f1_50 - other;
    }
  }
  const sign = classes.ascending ? 1 : -1;
  return rows
    .filter((row) => row.category.toLowerCase().includes(text))
    .sort((a, b) => {
      const [one, two] = [a[classes.sort], b[classes.sort]];
      if (one === null || two === null) return (one === null) - (two === null);
      if (typeof one === "string") return sign * one.localeCompare(two);
      return sign * (one - two) || b.targets - a.targets || a.category.localeCompare(b.category);
    });
}

function classObjects(run) {
  return runs[run].by_class.map((row) =>
    Object.fromEntries(page.class_columns.map((column, i) => [column, row[i]])),
  );
}

function classRow(row, columns) {
  return make(
    "tr",
    {},
    columns.map((column) => {
      const value = row[column];
      if (column === "category") return make("th", { scope: "row" }, className(value));
      if (column === "change") return make("td", { class: "number" }, signed(value));
      if (SHARES.has(column)) return cell(fixed(value), column === "f1_50" ? value : null);
      return make("td", { class: value ? "number" : "number faint" }, count(value));
    }),
  );
}

function className(name) {
  if (!gallery.records.length) return name;
  return make(
    "button",
    {
      type: "button",
      class: "plain",
      title: `Show ${name} in the gallery`,
      on: { click: () => showInGallery({ class: name }) },
    },
    name,
  );
}
