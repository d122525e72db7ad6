// The base now: how many customers have which status, what changes and why, how fast it goes.

import { get } from "../api.js";
import { spark } from "../charts/spark.js";
import { h, show } from "../dom.js";
import { live, watch } from "../live.js";
import { bars, changeRow, heading, note, panel } from "../parts.js";
import { number, percent, t, term, tone, valueTerm } from "../words.js";

const SHOWN = 40;
const SPEAK_EVERY_MS = 15_000;
const ORDER = {
  lifecycle: ["active", "inactive", "potential", "possibly_interested", "other"],
  churn_risk: ["low", "medium", "high"],
  winback: ["none", "recent", "cooling", "gone"],
  opportunity: ["low", "medium", "high"],
  contact: ["ok", "too_often", "too_seldom", "over_budget"],
  class: ["A", "B", "C"],
};

/** Draw the overview, and keep it current while it is shown. */
export async function render(place, { signal }) {
  const first = await get("/overview", {}, signal);
  const figures = h("dl", { class: "figures" });
  const grid = h("div", { class: "dimensions" });
  const list = h("ol", { class: "changes", "aria-label": t("overview.changes") });
  const left = h("p", { class: "left-out" });
  let held = false;
  const hold = h("button", {
    type: "button", "aria-pressed": "false",
    onclick: () => {
      held = !held;
      hold.setAttribute("aria-pressed", String(held));
      hold.textContent = t(held ? "overview.go_on" : "overview.hold");
    },
  }, t("overview.hold"));
  show(place, heading(t("view.overview"), t("overview.lead")), figures,
    h("div", { class: "two" }, grid, h("section", { class: "panel stream" },
      h("div", { class: "title" }, h("h2", {}, t("overview.changes")), hold), list, left)));
  let newest;
  let spoken = performance.now();
  let before = live.seen;
  watch(signal, ({ pulse, rows, rates, leftOut, seen }) => {
    drawFigures(figures, pulse ?? first, rates);
    drawDimensions(grid, pulse ?? first);
    if (!held && rows[0] !== newest) {
      newest = rows[0];
      show(list, rows.slice(0, SHOWN).map(changeRow));
    }
    if (!rows.length && !list.childElementCount) show(list, h("li", {}, note(t("overview.none"))));
    left.textContent = leftOut ? t("overview.left_out", { count: number(leftOut) }) : "";
    if (performance.now() - spoken > SPEAK_EVERY_MS && seen > before) {
      document.getElementById("said").textContent = t("overview.spoken", { count: number(seen - before) });
      [spoken, before] = [performance.now(), seen];
    }
  });
}

function drawFigures(place, now, rates) {
  const lifecycle = now.statuses.lifecycle ?? {};
  const lost = lifecycle.inactive ?? 0;
  const bought = lost + (lifecycle.active ?? 0);
  const figure = (name, value, more) => h("div", {}, h("dt", {}, name), h("dd", {}, value, more ?? null));
  place.dataset.number = now.number; // up to which change they count
  show(place,
    figure(t("figure.customers"), number(now.customers)),
    figure(t("figure.active"), number(lifecycle.active ?? 0), h("small", {}, percent(bought ? (100 * (lifecycle.active ?? 0)) / bought : null))),
    figure(t("figure.inactive"), number(lost), h("small", {}, percent(bought ? (100 * lost) / bought : null))),
    figure(t("figure.events"), number(now.events_per_second), spark(rates.map((one) => one.events ?? 0))),
    figure(t("figure.changes"), number(now.changes_per_second), spark(rates.map((one) => one.changes ?? 0))));
}

function drawDimensions(place, now) {
  const dimensions = Object.entries(now.statuses).filter(([, counts]) => Object.keys(counts).length);
  if (!dimensions.length) {
    show(place, note(t("overview.none")));
    return;
  }
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  show(place, dimensions.map(([dimension, counts]) => {
    const known = ORDER[dimension] ?? [];
    const rank = (value) => (known.includes(value) ? known.indexOf(value) : known.length);
    const items = Object.entries(counts).sort(([one, many], [other, more]) => rank(one) - rank(other) || more - many);
    const total = items.reduce((sum, [, count]) => sum + count, 0);
    return panel(term(dimension), bars(items.map(([value, count]) => ({
      name: valueTerm(dimension, value), count, tone: tone(dimension, value),
      href: `#/customers?status=${encodeURIComponent(`${dimension}:${value}`)}`,
    })), { total, label: (count) => percent(total ? (100 * count) / total : 0, 0) }));
  }));
  // A redraw takes no focus away.
  if (focused) place.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
