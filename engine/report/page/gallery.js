// The gallery: records that pass the filters, some at a time.

const AT_ONCE = 48;
const GALLERY_KINDS = ["missed", "invented", "misplaced", "mislabelled", "duplicate", "unparsed", "perfect"];

let found = [];
let shownCards = 0;
let updateGallery = () => {};

function renderGallery() {
  const body = byId("gallery-body");
  if (!gallery.records.length) {
    body.append(
      make(
        "p",
        {},
        gallery.total
          ? "There are no pictures here: the predictions tell of no images, or none were asked for."
          : "There are no records.",
      ),
    );
    return;
  }
  const cards = make("ul", { class: "cards", id: "cards" });
  const said = make("p", { role: "status", id: "gallery-count" });
  const more = make("button", { type: "button", id: "more", on: { click: () => showMore(cards, more) } });
  body.append(
    make("p", { class: "small" }, sampleNote()),
    toolbar(),
    said,
    make(
      "div",
      { class: "legend small" },
      legendLine("target", "target: dashed"),
      legendLine("prediction", "prediction: solid"),
      ["right", "missed", "invented", "misplaced", "mislabelled", "duplicate"].map((kind) =>
        make("span", {}, kindMark(kind), " ", term(kind)),
      ),
    ),
    cards,
    more,
  );
  updateGallery = () => {
    found = gallery.records.filter((record) => passes(record, filters)).sort(orders[filters.sort]);
    shownCards = 0;
    cards.replaceChildren();
    said.textContent = `${plural(found.length, "record")} of ${count(gallery.records.length)} · ${runs[view.run].name}`;
    for (const kind of GALLERY_KINDS) {
      const number = gallery.records.filter((record) =>
        passes(record, { ...filters, kinds: new Set([kind]) }),
      ).length;
      byId(`number-${kind}`).textContent = count(number);
    }
    showMore(cards, more);
    writeAddress();
  };
  watch(updateGallery);
}

function legendLine(side, text) {
  return make(
    "span",
    {},
    draw(
      "svg",
      { class: "swatch", viewBox: "0 0 26 12", width: 26, height: 12, "aria-hidden": "true" },
      draw("rect", { class: side, x: 1.5, y: 1.5, width: 23, height: 9 }),
    ),
    ` ${text}`,
  );
}

function sampleNote() {
  const shown = gallery.records.length;
  const missing = gallery.missing_images
    ? ` ${plural(gallery.missing_images, "image")} could not be read; their boxes are drawn on an empty frame.`
    : "";
  const honest = page.protocol === "honest" ? "" : " Boxes are sorted into kinds the honest way here.";
  if (shown >= gallery.total) return `All ${plural(shown, "record")}.${missing}${honest}`;
  const pool =
    gallery.looked_at < gallery.total ? ` that ${count(gallery.looked_at)} records drawn at random have` : "";
  const mostWanted = gallery.by_mistake
    ? `First up to ${gallery.per_mistake} of every kind of mistake of every class${pool} (${plural(gallery.by_mistake, "record")}). `
    : "";
  return `A sample: ${count(shown)} of ${plural(gallery.total, "record")}. ${mostWanted}${mostWanted ? "The rest" : "Drawn"} at random (seed ${gallery.seed}). The numbers above count all records; those here count the sample.${missing}${honest}`;
}

function toolbar() {
  const change = (name) => (event) => {
    filters[name] = event.target.value;
    updateGallery();
  };
  const names = [
    ...new Set(runs.flatMap((run) => run.by_class.filter((row) => row[1] || row[2]).map((row) => row[0]))),
  ].sort((a, b) => a.localeCompare(b));
  return make(
    "form",
    {
      class: "tools",
      id: "filters",
      role: "search",
      "aria-label": "Filters of the gallery",
      on: { submit: (event) => event.preventDefault(), reset: () => setTimeout(() => resetFilters()) },
    },
    make(
      "fieldset",
      {},
      make("legend", {}, "Mistakes"),
      GALLERY_KINDS.map((kind) =>
        make(
          "label",
          { class: "chip" },
          make("input", {
            type: "checkbox",
            name: "kind",
            value: kind,
            on: {
              change: (event) => {
                filters.kinds[event.target.checked ? "add" : "delete"](kind);
                updateGallery();
              },
            },
          }),
          kindMark(kind),
          ` ${TERMS[kind][0]} `,
          make("span", { class: "small", id: `number-${kind}` }),
        ),
      ),
    ),
    runs.length > 1 ? make("label", {}, "Checkpoint ", runSelect("gallery-run")) : null,
    make(
      "label",
      {},
      "Class ",
      make(
        "select",
        { id: "filter-class", on: { change: change("class") } },
        make("option", { value: "" }, "any"),
        names.map((name) => make("option", { value: name }, clip(name, 60))),
      ),
    ),
    make(
      "label",
      {},
      "Size ",
      make(
        "select",
        { id: "filter-size", on: { change: change("size") } },
        make("option", { value: "" }, "any"),
        SIZES.map((size) => make("option", { value: size }, size)),
      ),
    ),
    make(
      "label",
      {},
      "Id or text contains ",
      make("input", {
        type: "search",
        id: "filter-text",
        autocomplete: "off",
        on: { input: change("text") },
      }),
    ),
    make(
      "label",
      {},
      "Order ",
      make(
        "select",
        { id: "filter-sort", on: { change: change("sort") } },
        [
          ["worst", "worst first"],
          ["best", "best first"],
          ["boxes", "most mistakes first"],
          ["id", "by id"],
          ["sample", "as sampled"],
        ].map(([value, text]) => make("option", { value }, text)),
      ),
    ),
    make(
      "label",
      { class: "check" },
      make("input", { type: "checkbox", id: "show-targets", checked: true, on: { change: showSides } }),
      " targets",
    ),
    make(
      "label",
      { class: "check" },
      make("input", { type: "checkbox", id: "show-predictions", checked: true, on: { change: showSides } }),
      " predictions",
    ),
    make("button", { type: "reset" }, "Clear filters"),
  );
}

function runSelect(id) {
  const select = make(
    "select",
    { id, on: { change: (event) => lookAt(Number(event.target.value)) } },
    runs.map((run, number) => make("option", { value: number }, run.name)),
  );
  watchers.push(() => {
    select.value = String(view.run);
  });
  select.value = String(view.run);
  return select;
}

function showSides() {
  document.body.classList.toggle("no-targets", !byId("show-targets").checked);
  document.body.classList.toggle("no-predictions", !byId("show-predictions").checked);
}

function resetFilters() {
  Object.assign(filters, { kinds: new Set(), class: "", size: "", text: "", sort: "worst" });
  showSides();
  updateGallery();
}

/** Sets filters from elsewhere on the page, and goes there. */
function showInGallery({ class: name = "", kinds = [] }) {
  Object.assign(filters, { kinds: new Set(kinds), class: name, size: "", text: "" });
  fillToolbar();
  updateGallery();
  byId("gallery").scrollIntoView();
  byId("filter-class").focus({ preventScroll: true });
}

function fillToolbar() {
  for (const box of byId("filters").querySelectorAll('input[name="kind"]'))
    box.checked = filters.kinds.has(box.value);
  byId("filter-class").value = filters.class;
  byId("filter-size").value = filters.size;
  byId("filter-text").value = filters.text;
  byId("filter-sort").value = filters.sort;
}

function showMore(cards, more) {
  const next = found.slice(shownCards, shownCards + AT_ONCE);
  cards.append(...next.map(card));
  shownCards += next.length;
  more.hidden = shownCards >= found.length;
  more.textContent = `Show ${Math.min(AT_ONCE, found.length - shownCards)} more`;
}

function card(record) {
  const answer = record.answers[view.run];
  const mistakes = Object.entries(mistakesOf(record));
  const said = mistakes.length
    ? mistakes.map(([kind, number]) => `${number} ${kind}`).join(", ")
    : "no mistake";
  return make(
    "li",
    {},
    make(
      "button",
      {
        type: "button",
        class: "card",
        "data-record": place.get(record),
        "aria-haspopup": "dialog",
        "aria-label": `Record ${record.id}: ${said}${isFaulty(answer) ? ", faulty answer" : ""}`,
        on: { click: () => openViewer(found.indexOf(record)) },
      },
      picture(record, view.run),
      make(
        "span",
        { class: "card-head" },
        make("span", { class: "card-id" }, clip(record.id, 40)),
        make(
          "span",
          { class: "small", title: "F1 at IoU 0.5 of this record" },
          answer.f1 === null ? "" : `F1 ${fixed(answer.f1, 2)}`,
        ),
      ),
      record.query === null ? null : make("span", { class: "card-query" }, clip(record.query, 120)),
      make(
        "span",
        { class: "badges" },
        isPerfect(record) ? make("span", { class: "badge" }, kindMark("perfect"), " no mistake") : null,
        mistakes.map(([kind, number]) =>
          make("span", { class: "badge", title: TERMS[kind][0] }, kindMark(kind), ` ${count(number)}`),
        ),
        isFaulty(answer)
          ? make(
              "span",
              { class: "badge", title: [...answer.issues, answer.error ?? ""].join(" ") },
              kindMark("unparsed"),
              ` ${answer.error === null ? answer.issues.join(", ").replaceAll("_", " ") : "not answered"}`,
            )
          : null,
      ),
    ),
  );
}
