// Who went from where to where: a diagram of the flows of one dimension, the numbers, and the changes behind a flow.

import { get } from "../api.js";
import { ribbons } from "../charts/ribbons.js";
import { choice, h, show, whenWide } from "../dom.js";
import { follow } from "../live.js";
import { changeRow, heading, mark, note, numbers, panel, renew, table } from "../parts.js";
import { language, month, number, percent, t, term, tone, valueTerm } from "../words.js";

const DIMENSIONS = ["lifecycle", "churn_risk", "class", "segment", "label", "service_level", "contact", "winback", "opportunity"];
const ORDER = ["null", "possibly_interested", "potential", "active", "low", "ok", "A", "none", "medium", "too_often", "B", "recent", "high", "too_seldom",
  "C", "cooling", "over_budget", "gone", "inactive", "other"];

/** Draw the flows of the dimension and the period that the address asks for. */
export async function render(place, { query, signal, go }) {
  const dimension = DIMENSIONS.includes(query.get("dimension")) ? query.get("dimension") : "lifecycle";
  const ask = async () => (await get("/flows", { dimension, period: "month" }, signal)).periods;
  let periods = await ask();
  const chosen = { dimension, period: periods.some((one) => one.period === query.get("period")) ? query.get("period") : "" };
  const picture = h("div", { class: "picture" });
  const behind = h("div", {});
  const folded = numbers(behind);
  const state = { key: "count", down: true };
  const latest = h("div", { "aria-live": "polite" });
  const reload = () => {
    go("flows", chosen);
    dispatchEvent(new HashChangeEvent("hashchange"));
  };
  const months = () => choice(t("period"), [["", t("flows.all")], ...periods.map((one) => [one.period, month(one.period)])], chosen.period, (name) => {
    chosen.period = name;
    go("flows", chosen);
    draw();
  });
  show(place, heading(t("view.flows"), t("flows.lead")),
    h("div", { class: "asks" },
      choice(t("dimension"), DIMENSIONS.map((name) => [name, term(name)]), dimension, (name) => {
        Object.assign(chosen, { dimension: name, period: "" });
        reload();
      }),
      months()),
    panel(null, picture, folded), latest);
  const draw = () => {
    const flows = summed(periods.filter((one) => !chosen.period || one.period === chosen.period));
    if (!flows.length) {
      show(picture, note(t("flows.none")));
      show(behind);
      repaint = () => {};
      return;
    }
    const picked = (flow) => drill(latest, dimension, flow, signal);
    const paint = (width) => show(picture, ribbons({
      flows, width, values: ranked(flows), title: t("flows.title", { dimension: term(dimension) }),
      label: (value) => (value === null ? t("nothing") : valueTerm(dimension, value)),
      tone: (value) => tone(dimension, value), picked,
      told: (one) => (one.value === undefined ? `${valueTerm(dimension, one.from)} → ${valueTerm(dimension, one.to)}: ${number(one.count)}` : number(one.count)),
    }));
    if (picture.clientWidth) paint(picture.clientWidth);
    repaint = paint;
    renew(behind, figures(flows, dimension, picked, state));
  };
  let repaint = () => {};
  draw();
  whenWide(picture, signal, (width) => repaint(width));
  follow(signal, async () => {
    const [newest, now] = [periods.at(-1)?.period, await ask()];
    if (signal.aborted) return;
    periods = now;
    const asked = place.querySelectorAll(".asks .choice")[1];
    if (periods.at(-1)?.period !== newest && !asked.contains(document.activeElement)) asked.replaceWith(months());
    draw();
  });
}

function summed(periods) {
  const sums = new Map();
  for (const { flows } of periods) {
    for (const flow of flows) {
      const key = `${flow.from} ${flow.to}`;
      sums.set(key, { ...flow, count: flow.count + (sums.get(key)?.count ?? 0) });
    }
  }
  return [...sums.values()].filter((flow) => flow.count > 0).sort((one, other) => other.count - one.count);
}

function ranked(flows) {
  const values = [...new Set(flows.flatMap((flow) => [flow.from ?? "null", flow.to ?? "null"]))];
  const rank = (value) => (ORDER.includes(value) ? ORDER.indexOf(value) : ORDER.length);
  return values.sort((one, other) => rank(one) - rank(other) || one.localeCompare(other));
}

function figures(flows, dimension, picked, state) {
  const total = flows.reduce((sum, flow) => sum + flow.count, 0);
  return table({
    caption: t("flows.title", { dimension: term(dimension) }),
    rows: flows,
    state,
    columns: [
      { key: "from", label: t("from"), cell: (flow) => mark(dimension, flow.from) },
      { key: "to", label: t("to"), cell: (flow) => mark(dimension, flow.to) },
      { key: "count", label: t("count"), kind: "number", cell: (flow) => number(flow.count) },
      { key: "share", label: t("share"), kind: "number", sort: (flow) => flow.count, cell: (flow) => percent((100 * flow.count) / total) },
      { key: "who", label: t("flows.who"), sort: false, cell: (flow) => h("button", { type: "button", class: "link", onclick: () => picked(flow) }, t("flows.latest")) },
    ],
  });
}

async function drill(place, dimension, flow, signal) {
  const { changes } = await get("/changes", { dimension, from: flow.from ?? "null", to: flow.to ?? "null", limit: 12, language }, signal);
  show(place, panel(`${valueTerm(dimension, flow.from)} → ${valueTerm(dimension, flow.to)}`, h("ol", { class: "changes" }, changes.map(changeRow))));
  place.scrollIntoView({ block: "nearest" });
}
