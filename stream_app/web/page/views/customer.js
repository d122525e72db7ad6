// One customer: where he stands, what comes next, and his story with the reason of every change.

import { get } from "../api.js";
import { choice, h, show } from "../dom.js";
import { heading, mark, note, panel, readable, says, table, turn } from "../parts.js";
import { language, measure, moment, t, term, valueTerm } from "../words.js";

/** Draw the customer whom the address names. */
export async function render(place, { query, signal }) {
  const id = query.get("id") ?? "";
  const [found, policy] = await Promise.all([get("/customer", { id, language }, signal), get("/policy", {}, signal).catch(() => ({}))]);
  const currency = policy.in_force?.document.currency;
  show(place, heading(id, h("a", { href: "#/customers" }, t("customer.all")), " · ", h("a", { href: `#/try?id=${encodeURIComponent(id)}` }, t("customer.try"))));
  if (found.erased) place.append(note(t(found.erased.came_back ? "customer.erased.back" : "customer.erased", { at: moment(found.erased.at) })));
  const statuses = Object.entries(found.statuses ?? {}).filter(([, value]) => value !== null);
  place.append(
    h("dl", { class: "statuses" }, statuses.map(([dimension, value]) => h("div", {}, h("dt", {}, term(dimension)), h("dd", {}, mark(dimension, value))))),
    h("div", { class: "two story" }, h("section", { class: "panel" }, ...story(id, found, signal)),
      h("div", {}, coming(found), measures(found.profile, currency), known(id, signal))));
}

function coming(found) {
  const clock = found.profile?.clock_at ?? ""; // what a change said of a time that is over says nothing about what comes
  const announced = found.announced.map((one) => h("li", { class: "announced" }, h("time", { datetime: one.will_change_at }, moment(one.will_change_at)),
    h("span", {}, readable(one.says?.[0] ?? "") || `${term(one.dimension)}: ${valueTerm(one.dimension, one.from)} → ${valueTerm(one.dimension, one.to)}`)));
  const instead = (one) => says(found.changes.find((change) => change.id === one.change) ?? {}).at(-1);
  const outlook = found.outlook.filter((one) => one.value !== null && (one.valid_until > clock || one.counterfactual)).map((one) => h("li", {},
    h("span", { class: "dimension" }, term(one.dimension)), mark(one.dimension, one.value),
    one.valid_until > clock ? h("span", { class: "until" }, t("customer.until", { at: moment(one.valid_until) })) : null,
    one.counterfactual ? h("p", { class: "why" }, instead(one)) : null));
  return panel(t("customer.next"),
    found.next_deadline ? h("p", { class: "lead" }, t("customer.deadline", { at: moment(found.next_deadline) })) : null,
    announced.length || outlook.length ? h("ul", { class: "coming" }, announced, outlook) : note(t("customer.nothing")));
}

function measures(profile, currency) {
  if (!profile) return null;
  const rows = Object.entries(profile.measures).filter(([, value]) => value !== null);
  return panel(t("customer.measures"), h("dl", { class: "measures" }, rows.map(([name, value]) =>
    h("div", {}, h("dt", {}, term(name)), h("dd", {}, measure(name, value, currency))))),
  h("p", { class: "small" }, t("customer.measured", { at: moment(profile.clock_at), version: profile.policy.version })));
}

function story(id, found, signal) {
  const list = h("ol", { class: "story-list" });
  const more = h("div", { class: "pages" });
  const state = { changes: found.changes, older: found.older, events: null, dimension: "" };
  const wanted = () => state.changes.filter((change) => !state.dimension || change.dimension === state.dimension);
  const draw = () => {
    const oldest = state.older ? state.changes.at(-1)?.effective_at ?? "" : "";
    const events = (state.events ?? []).filter((event) => event.at >= oldest);
    const entries = [...wanted().map((change) => [change.effective_at, 1, change.sequence, () => changeEntry(change)]),
      ...events.map((event, index) => [event.at, 0, index, () => eventEntry(event)])];
    entries.sort((one, other) => other[0].localeCompare(one[0]) || other[1] - one[1] || other[2] - one[2]);
    show(list, entries.map(([, , , entry]) => entry()));
    show(more, state.older ? h("button", { type: "button", onclick: older }, t("customer.older")) : null,
      state.events ? null : h("button", { type: "button", onclick: withEvents }, t("customer.events")));
    if (!entries.length) show(list, h("li", {}, note(t("customer.nothing"))));
  };
  const older = async () => {
    const { changes, older: next } = await get("/customer/changes", { id, before: state.older, language }, signal);
    state.changes = [...state.changes, ...changes];
    state.older = next;
    draw();
  };
  const withEvents = async ({ target }) => {
    target.disabled = true;
    target.textContent = t("customer.reading");
    state.events = (await get("/customer/events", { id }, signal)).events;
    draw();
  };
  draw();
  const dimensions = [...new Set(found.changes.map((change) => change.dimension))];
  return [h("div", { class: "title" }, h("h2", {}, t("customer.story")), choice(t("dimension"), [["", t("flows.every")], ...dimensions.map((name) => [name, term(name)])], "", (name) => {
    state.dimension = name;
    draw();
  })), list, more];
}

function changeEntry(change) {
  const [why, ...rest] = says(change);
  return h("li", { class: "entry", "data-revoked": change.revoked || undefined },
    h("time", { datetime: change.effective_at }, moment(change.effective_at)),
    h("div", {}, h("p", { class: "what" }, h("span", { class: "dimension" }, term(change.dimension)), turn(change.dimension, change.from, change.to),
      change.revoked ? h("em", {}, t("customer.revoked")) : null), h("p", { class: "why" }, why), rest.map((text) => h("p", { class: "more" }, text))));
}

function eventEntry(event) {
  const told = Object.entries(event.data).filter(([, value]) => value !== null && typeof value !== "object").map(([name, value]) => `${name} ${value}`);
  return h("li", { class: "entry event" }, h("time", { datetime: event.at }, moment(event.at)),
    h("div", {}, h("p", { class: "what" }, h("code", {}, event.type)), h("p", { class: "more" }, told.join(", "))));
}

function known(id, signal) {
  const answer = h("div", { "aria-live": "polite" });
  const at = h("input", { type: "datetime-local", name: "at" });
  const then = h("input", { type: "datetime-local", name: "known" });
  const utc = (field) => (field.value ? `${field.value}:00Z` : undefined);
  return panel(t("known.title"), h("form", {
    class: "known",
    onsubmit: async (event) => {
      event.preventDefault();
      try {
        const { statuses } = await get("/customer/status", { id, at: utc(at), known_at: utc(then) }, signal);
        const rows = Object.entries(statuses).filter(([, value]) => value !== null).map(([dimension, value]) => ({ dimension, value }));
        show(answer, rows.length ? table({ caption: t("known.title"), rows, columns: [
          { key: "dimension", label: t("dimension"), cell: (row) => term(row.dimension) }, { key: "value", label: t("known.value"), cell: (row) => mark(row.dimension, row.value) },
        ] }) : note(t("known.none")));
      } catch (error) {
        show(answer, note(error.message, "wrong"));
      }
    },
  }, h("label", {}, t("known.at"), at), h("label", {}, t("known.then"), then), h("button", {}, t("known.ask"))), answer);
}
