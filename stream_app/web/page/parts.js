// Small pieces that several views show: values, changes with their reasons, tables that sort, notes.

import { h, show } from "./dom.js";
import { moment, number, t, term, tone, valueTerm } from "./words.js";

/** A value of a dimension: its name, and a dot in the colour of what it means. */
export function mark(dimension, value) {
  return h("span", { class: "value", "data-tone": tone(dimension, value) }, h("i", { "aria-hidden": "true" }), valueTerm(dimension, value));
}

/** From one value to another. */
export function turn(dimension, from, to) {
  return h("span", { class: "turn" }, mark(dimension, from), h("span", { class: "arrow", "aria-label": t("to") }, "→"), mark(dimension, to));
}

/** A link to one customer. */
export function customerLink(id) {
  return h("a", { href: `#/customer?id=${encodeURIComponent(id)}` }, id);
}

/** A sentence of the API, with the names of measures as people write them. */
export function readable(text) {
  return text.replace(/\b[a-z]+(_[a-z]+)+\b/g, term);
}

/** Why a change happened, in the API's words; without them by its code and evidence. */
export function says(change) {
  if (change.says?.length) return change.says.map(readable);
  const { code = "", measures = {} } = change.reason ?? {};
  return [`${code.replaceAll("_", " ")}: ${Object.entries(measures).map(([name, value]) => `${term(name)} ${value ?? t("nothing")}`).join(", ")}`];
}

/** A heading of a view, with a sentence that says what one sees. */
export function heading(title, ...lead) {
  return h("header", { class: "heading" }, h("h1", { tabindex: "-1" }, title), lead.length ? h("p", { class: "lead" }, lead) : null);
}

/** A box with a title. */
export function panel(title, ...content) {
  return h("section", { class: "panel" }, title ? h("h2", {}, title) : null, content);
}

/** A note instead of content: nothing yet, or what went wrong. */
export function note(text, kind = "empty") {
  return h("p", { class: `note ${kind}`, role: kind === "wrong" ? "alert" : undefined }, text);
}

/**
 * A table whose columns sort. A column is {key, label, cell?, sort?, kind?}; `kind` "number" sets it right and sorts it downwards first.
 * `state` {key, down} is kept by the caller, so that a redraw keeps the order.
 */
export function table({ caption, columns, rows, state = {}, sortedBy }) {
  const body = h("tbody");
  const heads = columns.map((column) => {
    const button = h("button", { type: "button", onclick: () => order(column) }, column.label);
    return h("th", { scope: "col", class: column.kind, "data-key": column.key }, column.sort === false ? column.label : button);
  });
  const draw = () => {
    const column = columns.find((one) => one.key === state.key);
    heads.forEach((head) => {
      const chosen = column && head.dataset.key === column.key;
      if (chosen) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const sorted = column && !sortedBy ? [...rows].sort((one, other) => compare(value(column, one), value(column, other)) * (state.down ? -1 : 1)) : rows;
    show(body, sorted.map((row) => h("tr", {}, columns.map((column, index) => {
      const content = column.cell ? column.cell(row) : (row[column.key] ?? "–");
      return index === 0 ? h("th", { scope: "row", class: column.kind }, content) : h("td", { class: column.kind }, content);
    }))));
  };
  const order = (column) => {
    state.down = state.key === column.key ? !state.down : column.kind === "number";
    state.key = column.key;
    if (sortedBy) sortedBy(state);
    else draw();
  };
  draw();
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, heads)), body));
}

function value(column, row) {
  return column.sort ? column.sort(row) : row[column.key];
}

function compare(one, other) {
  if (one === other) return 0;
  if (one === null || one === undefined) return 1;
  if (other === null || other === undefined) return -1;
  return typeof one === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true });
}

/** The numbers behind a picture, folded away until they are asked for. */
export function numbers(content) {
  return h("details", { class: "numbers" }, h("summary", {}, t("numbers")), content);
}

/** Replace what an element holds, unless the reader is at it with the keyboard. */
export function renew(element, ...content) {
  if (!element.contains(document.activeElement)) show(element, ...content);
}

/** A list of values with their counts as bars. */
export function bars(items, { total, label }) {
  return h("ul", { class: "bars" }, items.map(({ name, count, href, tone: colour }) => h("li", {},
    href ? h("a", { href }, name) : h("span", {}, name),
    h("span", { class: "bar", "data-tone": colour, "--share": total ? count / total : 0, "aria-hidden": "true" }),
    h("b", {}, number(count)), label ? h("small", {}, label(count)) : null)));
}

/** A change as an entry of a list: when, who, what, why. */
export function changeRow(change) {
  return h("li", { class: "change" },
    h("time", { datetime: change.effective_at }, moment(change.effective_at)),
    h("span", { class: "who" }, customerLink(change.customer)),
    h("span", { class: "what" }, h("span", { class: "dimension" }, term(change.dimension)), turn(change.dimension, change.from, change.to)),
    h("span", { class: "why" }, says(change)[0]));
}
