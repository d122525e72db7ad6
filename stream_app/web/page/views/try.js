// What would an event do to a customer? Asked of the same rules that judge the real ones; nothing is stored.

import { get, post } from "../api.js";
import { h, show } from "../dom.js";
import { FIELDS, TYPES } from "../events.js";
import { heading, mark, note, panel, readable, says, table, turn } from "../parts.js";
import { language, measure, moment, number, t, term } from "../words.js";

/** Draw the form; a customer may be named in the address. */
export async function render(place, { query, signal }) {
  const policy = await get("/policy", {}, signal).catch(() => ({}));
  const document_ = policy.in_force?.document ?? {};
  const answer = h("div", { class: "answer", "aria-live": "polite" });
  const fields = h("div", { class: "fields" });
  const customer = h("input", { name: "customer", required: true, maxlength: 128, value: query.get("id") ?? "", autocomplete: "off", spellcheck: "false" });
  const when = h("input", { name: "time", type: "datetime-local", step: "1" });
  const type = h("select", { name: "type", onchange: () => draw() }, TYPES.map((name) => h("option", { value: name }, name)));
  const categories = h("datalist", { id: "categories" }, Object.values(document_.product_groups ?? {}).flat().map((name) => h("option", { value: name })));
  const draw = () => show(fields, FIELDS[type.value].map((field) => h("label", {}, t(`try.${field.label ?? field.name}`), control(field))));
  const send = async (event) => {
    event.preventDefault();
    const data = {};
    for (const field of FIELDS[type.value]) field.put(data, fields.querySelector(`[name="${field.name}"]`).value, document_.currency);
    const body = { specversion: "1.0", type: type.value, subject: customer.value.trim(), data, ...(when.value ? { time: `${when.value.padEnd(19, ":00")}Z` } : {}) };
    show(answer, note(t("try.asking")));
    try {
      tell(answer, await post("/events/preview", { language }, body, signal), document_.currency);
    } catch (error) {
      show(answer, note(error.message, "wrong"));
    }
  };
  show(place, heading(t("view.try"), t("try.lead")), h("div", { class: "two" },
    panel(t("try.event"), h("form", { class: "try", onsubmit: send }, h("label", {}, t("customer"), customer), h("label", {}, t("try.type"), type),
      h("label", {}, t("try.time"), when, h("small", {}, t("try.time.hint"))), fields, categories, h("button", { class: "main" }, t("try.send")))),
    panel(t("try.answer"), answer)));
  show(answer, note(t("try.nothing")));
  draw();
}

function control({ name, values, kind = "text", start, optional }) {
  if (values) return h("select", { name }, values.map((value) => h("option", { value }, value)));
  const numeric = kind === "number";
  return h("input", { name, required: !optional, value: start, type: numeric ? "number" : "text", min: numeric ? 0 : undefined, step: numeric ? "any" : undefined, list: kind === "category" ? "categories" : undefined });
}

function list(changes) {
  return h("ol", { class: "story-list" }, changes.map((change) => h("li", { class: "entry" }, h("time", {}, moment(change.effective_at)),
    h("div", {}, h("p", { class: "what" }, h("span", { class: "dimension" }, term(change.dimension)), turn(change.dimension, change.from, change.to)),
      says(change).map((text, index) => h("p", { class: index ? "more" : "why" }, text))))));
}

function tell(place, found, currency) {
  if (found.rejected) {
    show(place, note(t("try.rejected", { code: found.rejected.code, detail: found.rejected.detail }), "wrong"));
    return;
  }
  const before = found.before ?? { statuses: {}, measures: {} };
  const after = found.after ?? { statuses: {}, measures: {} };
  const rows = Object.keys(after.measures).filter((name) => after.measures[name] !== (before.measures[name] ?? null))
    .map((name) => ({ name, before: before.measures[name], after: after.measures[name] }));
  show(place, h("p", { class: "lead" }, t("try.clock", { at: moment(found.clock_at), count: number(found.based_on.events) })),
    found.meanwhile?.length ? [h("h3", {}, t("try.meanwhile")), list(found.meanwhile), h("h3", {}, t("try.event.does"))] : null,
    found.changes.length ? list(found.changes) : note(t(found.duplicate ? "try.duplicate" : "try.no_change")),
    found.reactions.length ? h("ul", { class: "reactions" }, found.reactions.map((one) => h("li", {}, h("code", {}, one.type), " ", readable(one.says?.[0] ?? "")))) : null,
    rows.length ? h("h3", {}, t("try.measures")) : null,
    rows.length ? table({ caption: t("try.measures"), rows, columns: [
      { key: "name", label: t("try.measure"), cell: (row) => term(row.name) }, { key: "before", label: t("try.before"), kind: "number", cell: (row) => measure(row.name, row.before, currency) },
      { key: "after", label: t("try.after"), kind: "number", cell: (row) => measure(row.name, row.after, currency) }] }) : null,
    h("h3", {}, t("try.after.statuses")), h("dl", { class: "statuses" }, Object.entries(after.statuses).filter(([, value]) => value !== null)
      .map(([dimension, value]) => h("div", {}, h("dt", {}, term(dimension)), h("dd", {}, mark(dimension, value))))));
}
