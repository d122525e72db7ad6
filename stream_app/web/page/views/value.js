// Few customers carry most of the revenue: how concentrated it is, and how the classes stand.

import { get } from "../api.js";
import { h, show } from "../dom.js";
import { follow } from "../live.js";
import { bars, heading, note, panel, renew } from "../parts.js";
import { money, number, percent, t, term, tone, valueTerm } from "../words.js";

/** Draw concentration and classes, and follow them. */
export async function render(place, { signal }) {
  const body = h("div", {}, note(t("churn.none")));
  const load = async () => {
    const [{ insights }, { statuses }] = await Promise.all([get("/insights", {}, signal), get("/overview", {}, signal)]);
    const now = insights.find((one) => one.period === "now")?.data;
    if (now?.revenue.customers && !signal.aborted) renew(body, drawn(now, statuses));
  };
  show(place, heading(t("view.value"), t("value.lead")), body);
  await load();
  follow(signal, load);
}

function drawn(now, statuses) {
  const { customers, total_minor, top_customers, top_minor, top_share_pct } = now.revenue;
  const share = (text, part, whole) => h("div", { class: "share-bar" }, h("span", { class: "label" }, text),
    h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "part", "--share": whole ? part / whole : 0 })));
  return [
    panel(null, h("p", { class: "claim" }, t("value.claim", { share: percent(top_share_pct, 0) })),
      share(t("value.of_customers", { top: number(top_customers), all: number(customers), pct: percent((100 * top_customers) / customers, 0) }), top_customers, customers),
      share(t("value.of_revenue", { top: money(top_minor, now.currency), all: money(total_minor, now.currency), pct: percent(top_share_pct, 0) }), top_minor, total_minor),
      h("p", { class: "lead" }, t("value.means", {
        top: money(Math.round(top_minor / top_customers), now.currency),
        rest: money(customers > top_customers ? Math.round((total_minor - top_minor) / (customers - top_customers)) : 0, now.currency),
      }))),
    h("div", { class: "three" }, ["class", "label", "service_level", "segment"].filter((name) => Object.keys(statuses[name] ?? {}).length).map((dimension) => {
      const items = Object.entries(statuses[dimension]).sort(([one, many], [other, more]) => (dimension === "class" ? one.localeCompare(other) : more - many));
      const total = items.reduce((sum, [, count]) => sum + count, 0);
      return panel(term(dimension), bars(items.map(([value, count]) => ({
        name: valueTerm(dimension, value), count, tone: tone(dimension, value), href: `#/customers?status=${encodeURIComponent(`${dimension}:${value}`)}`,
      })), { total, label: (count) => percent((100 * count) / total, 0) }));
    })),
  ];
}
