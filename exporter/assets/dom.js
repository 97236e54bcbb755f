// Elements made by hand: text is always text, never markup, so nothing that came off the wire can become part of the page.

export const $ = (id) => document.getElementById(id);

/** An element with attributes and children. `class` and plain attributes by name; functions become listeners. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  dress(node, attributes);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  dress(node, attributes);
  node.append(...children.flat());
  return node;
}

function dress(node, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
}

/** Sets a text only when it is another one, so that screen readers and selections are left in peace. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A bar from 0 to 1. */
export function gauge(ratio, level = "") {
  const fill = el("i");
  fill.style.transform = `scaleX(${Math.min(1, Math.max(0, ratio || 0))})`;
  return el("span", { class: `gauge ${level}`, "aria-hidden": "true" }, fill);
}

/** A table: columns are [title, numeric?, class?], rows are lists of cells; a cell is text, a node, or {in, class}. The first is the row's header. */
export function table(columns, rows, caption) {
  const css = ([, numeric, own] = [], more = "") => [numeric ? "n" : "", own ?? "", more].join(" ").trim() || null;
  const head = el("tr", {}, columns.map((column) => el("th", { scope: "col", class: css(column) }, column[0])));
  const line = (cells) =>
    el("tr", {}, cells.map((cell, n) => {
      const given = cell !== null && typeof cell === "object" && "in" in cell ? cell : { in: cell };
      return el(n === 0 ? "th" : "td", { class: css(columns[n], given.class), scope: n === 0 ? "row" : null }, given.in ?? "");
    }));
  return el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, head), el("tbody", {}, rows.map(line)));
}

/** Puts one node in the place of all children. A focus or a scroll position inside is not what these panels have. */
export function fill(place, ...nodes) {
  place.replaceChildren(...nodes);
}
