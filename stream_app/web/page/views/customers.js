// The customers: search by id, filter by status, a table that sorts, pages.

import { get } from "../api.js";
import { choice, h, show } from "../dom.js";
import { customerLink, heading, mark, note, table } from "../parts.js";
import { moment, money, number, t, term, valueTerm } from "../words.js";

const LIMIT = 50;
const ROUNDS_MAX = 120;
const WAIT_MS = 200;
const FILTERS = ["lifecycle", "churn_risk", "class", "segment", "winback", "contact", "opportunity"];
const MEASURES = [["revenue", "money"], ["orders", "number"], ["value_total", "money"], ["recency_days", "number"]];

/** Draw the search and its first page. */
export async function render(place, { query, signal, go }) {
  const { statuses } = await get("/overview", {}, signal);
  const { in_force } = await get("/policy", {}, signal).catch(() => ({}));
  const asked = { search: query.get("search") ?? "", status: query.get("status") ?? "" };
  const filters = new Map(asked.status.split(" ").filter(Boolean).map((one) => one.split(/:(.*)/s).slice(0, 2)));
  const state = { key: "customer", down: false };
  const result = h("div", { class: "result" });
  const told = h("p", { class: "lead", role: "status" });
  let pages = [null];
  let waiting;
  const search = h("input", {
    type: "search", name: "search", value: asked.search, autocomplete: "off", spellcheck: "false", placeholder: t("customers.search.hint"),
    oninput: () => {
      clearTimeout(waiting);
      waiting = setTimeout(again, WAIT_MS);
    },
  });
  const again = () => {
    pages = [null];
    load();
  };
  let asking = 0;
  // An answer looks at a bounded number of customers; where few are meant, it takes several to fill a page.
  const load = async () => {
    const ours = (asking += 1);
    const status = [...filters].map(([dimension, value]) => `${dimension}:${value}`);
    go("customers", { search: search.value, status: status.join(" ") });
    const found = { customers: [], next: pages.at(-1) };
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const rest = { limit: LIMIT - found.customers.length, after: found.next };
      const { customers, next } = await get("/customers", { search: search.value.trim(), match: "substring", status, ...rest }, signal);
      if (signal.aborted || ours !== asking) return;
      Object.assign(found, { customers: [...found.customers, ...customers], next });
      if (!next || found.customers.length === LIMIT) break;
      if (round) told.textContent = t("customers.looking");
    }
    draw(found);
  };
  const draw = ({ customers, next }) => {
    told.textContent = customers.length ? t("customers.found", { count: number(customers.length), page: number(pages.length) }) : "";
    const turnTo = (text, possible, work) => h("button", { type: "button", disabled: !possible, onclick: work }, text);
    show(result,
      customers.length ? table({ caption: t("view.customers"), rows: customers, state, columns: columns(customers, in_force?.document.currency) }) : note(t("customers.none")),
      h("div", { class: "pages" },
        turnTo(t("previous"), pages.length > 1, () => {
          pages.pop();
          load();
        }),
        turnTo(t("next"), next, () => {
          pages.push(next);
          load();
        })));
  };
  show(place, heading(t("view.customers"), t("customers.lead")),
    h("form", { class: "asks", role: "search", onsubmit: (event) => {
      event.preventDefault();
      again();
    } }, h("label", { class: "choice wide" }, h("span", {}, t("customers.search")), search),
      FILTERS.filter((dimension) => Object.keys(statuses[dimension] ?? {}).length).map((dimension) => choice(term(dimension),
        [["", t("customers.any")], ...Object.keys(statuses[dimension]).sort().map((value) => [value, valueTerm(dimension, value)])],
        filters.get(dimension) ?? "", (value) => {
          if (value) filters.set(dimension, value);
          else filters.delete(dimension);
          again();
        }))), told, result);
  await load();
}

function columns(customers, currency) {
  const status = (dimension) => ({ key: dimension, label: term(dimension), sort: (row) => row.statuses[dimension], cell: (row) => mark(dimension, row.statuses[dimension]) });
  const measure = ([name, kind]) => ({
    key: name, label: term(name), kind: "number", sort: (row) => row.measures?.[name],
    cell: (row) => (kind === "money" ? money(row.measures?.[name], currency) : number(row.measures?.[name])),
  });
  const has = (dimension) => customers.some((row) => row.statuses[dimension] !== null && row.statuses[dimension] !== undefined);
  return [
    { key: "customer", label: t("customer"), cell: (row) => customerLink(row.customer) },
    ...["lifecycle", "churn_risk", "class", "segment", "contact", "opportunity"].filter(has).map(status),
    ...(customers.some((row) => row.measures) ? MEASURES.map(measure) : []),
    { key: "changed_at", label: t("customers.changed"), kind: "number", cell: (row) => moment(row.changed_at) },
  ];
}
