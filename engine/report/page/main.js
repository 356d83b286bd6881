// Puts the page together, and keeps the address: filters and the record that is open can be sent to
// someone, or be kept.

function addressOf(record) {
  const fields = new URLSearchParams({ run: runs[view.run].name, record: record.id });
  return `#${fields}`;
}

let addressIsRead = false; // until then it says what the page should show, and is not written

function writeAddress() {
  if (!addressIsRead) return;
  const fields = new URLSearchParams();
  if (view.run !== runs.length - 1) fields.set("run", runs[view.run].name);
  if (filters.kinds.size) fields.set("kinds", [...filters.kinds].join(","));
  for (const name of ["class", "size", "text"]) if (filters[name]) fields.set(name, filters[name]);
  if (filters.sort !== "worst") fields.set("sort", filters.sort);
  if (found[current]) fields.set("record", found[current].id);
  const address = fields.size ? `#${fields}` : location.hash.includes("=") ? "#gallery" : null;
  if (address !== null) history.replaceState(null, "", address);
}

function readAddress() {
  addressIsRead = true;
  if (!location.hash.includes("=") || !gallery.records.length) return;
  const fields = new URLSearchParams(location.hash.slice(1));
  const named = runs.findIndex((run) => run.name === fields.get("run"));
  const record = fields.get("record");
  filters.kinds = new Set(
    (fields.get("kinds") ?? "").split(",").filter((kind) => GALLERY_KINDS.includes(kind)),
  );
  for (const name of ["class", "size", "text"]) filters[name] = fields.get(name) ?? "";
  filters.sort = fields.get("sort") in orders ? fields.get("sort") : "worst";
  fillToolbar();
  lookAt(named >= 0 ? named : view.run);
  const index = record === null ? -1 : found.findIndex((each) => each.id === record);
  if (index >= 0) openViewer(index);
  else byId("gallery").scrollIntoView();
}

function renderTitle() {
  const names = runs.map((run) => run.name);
  byId("title").textContent =
    names.length > 3 ? `${names[0]} … ${names[names.length - 1]}` : names.join(" → ");
  const run = runs[runs.length - 1];
  const formats = [...new Set(runs.map((each) => each.format).filter(Boolean))];
  byId("about").textContent = [
    plural(run.records, "record"),
    plural(run.operating_point.targets, "target"),
    run.num_classes ? plural(run.num_classes, "class", "classes") : "",
    run.task.replace(",", " and "),
    formats.length ? `answers in ${formats.join(", ")}` : "",
    `${page.protocol} protocol`,
    page.min_score === null ? "" : `boxes scored ${page.min_score} or more`,
  ]
    .filter(Boolean)
    .join(" · ");
  byId("colophon").textContent =
    `Made by groundray evaluate. ${page.replicates ? `Intervals: 95 %, bootstrap over images, ${count(page.replicates)} resamplings, seed ${page.seed}. ` : "Without intervals. "}The same numbers are in scores.json and per_class.csv. This file fetches nothing.`;
}

function renderTop() {
  const select = byId("run");
  select.append(...runs.map((run, number) => make("option", { value: number }, run.name)));
  select.value = String(view.run);
  select.addEventListener("change", () => lookAt(Number(select.value)));
  select.parentElement.hidden = runs.length < 2;
  const themes = ["auto", "light", "dark"];
  let theme = stored("theme");
  const show = () => {
    document.documentElement.dataset.theme = theme;
    byId("theme").replaceChildren(make("span", { class: "roomy" }, "Theme: "), theme);
  };
  if (!themes.includes(theme)) theme = "auto";
  byId("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    store("theme", theme);
    show();
  });
  show();
}

function stored(name) {
  try {
    return localStorage.getItem(`groundray-${name}`);
  } catch {
    return null; // a browser may forbid it for files
  }
}

function store(name, value) {
  try {
    localStorage.setItem(`groundray-${name}`, value);
  } catch {
    // the choice then lasts as long as the page
  }
}

renderTop();
if (runs.length) {
  renderTitle();
  renderHeadline();
  renderCurves();
  renderClasses();
  renderMistakes();
  renderHealth();
  renderGallery();
  listenForTerms();
  listenToViewer();
  readAddress();
  window.addEventListener("hashchange", readAddress);
}
document.documentElement.dataset.ready = "true";
