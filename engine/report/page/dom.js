// Elements are made here and nowhere else. Text goes in as text nodes, never as markup: whatever a
// model said stays text.

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes by name, listeners under `on`, CSS properties under `style`. */
function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "style") {
      for (const [property, each] of Object.entries(value)) element.style.setProperty(property, each);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

/** A table that scrolls by itself, also by keyboard; `tall` keeps its height in bounds. */
function scrollable(label, table, tall = false) {
  const region = { class: tall ? "scroll tall" : "scroll", role: "region", "aria-label": label, tabindex: 0 };
  return make("div", region, table);
}

function table(caption, head, rows, attributes = {}) {
  return make(
    "table",
    attributes,
    make("caption", { class: "hidden" }, caption),
    make("thead", {}, make("tr", {}, head)),
    make("tbody", {}, rows),
  );
}

/** A bar of a share from 0 to 1 behind a number in a cell. */
function cell(text, share = null) {
  if (share === null) return make("td", { class: "number" }, text);
  return make("td", { class: "number bar-cell", style: { "--share": `${100 * share}%` } }, text);
}

/** A word that says what it means when one points at it or comes to it by keyboard. */
function term(key, label = null) {
  return make("button", { type: "button", class: "term", "data-term": key }, label ?? TERMS[key][0]);
}

function listenForTerms() {
  const tip = byId("tip");
  let owner = null;
  const hide = () => {
    if (owner) owner.removeAttribute("aria-describedby");
    owner = null;
    tip.hidden = true;
  };
  const show = (event) => {
    const found = event.target.closest?.("[data-term]");
    if (!found) return event.type === "mouseover" ? hide() : undefined;
    if (found === owner) return;
    hide();
    owner = found;
    tip.textContent = TERMS[found.dataset.term][1];
    tip.hidden = false;
    found.setAttribute("aria-describedby", "tip");
    const box = found.getBoundingClientRect();
    const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
    const below = box.bottom + tip.offsetHeight + 8 < window.innerHeight;
    tip.style.setProperty("left", `${Math.max(8, left)}px`);
    tip.style.setProperty("top", `${below ? box.bottom + 4 : box.top - tip.offsetHeight - 4}px`);
  };
  document.addEventListener("mouseover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, { passive: true, capture: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}
