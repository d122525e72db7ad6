// What lost customers teach about the portfolio: products that go with loss, and products that bring customers back.

import { get } from "../api.js";
import { intervals } from "../charts/intervals.js";
import { choice, h, show, whenWide } from "../dom.js";
import { bars, heading, note, numbers, panel, table } from "../parts.js";
import { number, t } from "../words.js";

const SHOWN = 24;

/** Draw products by group or by category, as the address asks. */
export async function render(place, { query, signal, go }) {
  const { insights } = await get("/insights", {}, signal);
  const now = insights.find((one) => one.period === "now")?.data;
  show(place, heading(t("view.products"), t("products.lead")));
  if (!now) {
    place.append(note(t("churn.none")));
    return;
  }
  let kind = query.get("by") === "categories" ? "categories" : "product_groups";
  const picture = h("div", { class: "picture" });
  const back = h("div", {});
  const behind = h("div", {});
  place.append(
    h("div", { class: "asks" }, choice(t("products.by"), ["product_groups", "categories"].map((name) => [name, t(`products.${name}`)]), kind, (name) => {
      kind = name;
      go("products", { by: name });
      draw();
    })),
    h("div", { class: "two" },
      panel(t("products.loss"), h("p", { class: "lead" }, t("products.loss.text", { lost: number(now.lost), kept: number(now.kept) })), picture, behind),
      panel(t("products.back"), h("p", { class: "lead" }, t("products.back.text")), back)));
  const draw = () => {
    const rows = now[kind];
    const told = now.brought_back[kind];
    const shown = rows.length > SHOWN ? [...rows.slice(0, SHOWN / 2), ...rows.slice(-SHOWN / 2)] : rows;
    if (!rows.length) show(picture, note(t("products.none")));
    else repaint(picture.clientWidth, shown);
    show(behind, numbers(figures(rows)));
    show(back, told.length ? bars(told.slice(0, SHOWN).map(({ name, customers }) => ({ name, count: customers, tone: "good" })), { total: told[0].customers }) : note(t("products.none")));
    current = shown;
  };
  let current = [];
  const repaint = (width, rows) => width && rows.length && show(picture, intervals({
    rows, width, title: t("products.loss"), less: t("products.less"), more: t("products.more"), write: (value) => number(value, 1),
  }));
  draw();
  whenWide(picture, signal, (width) => repaint(width, current));
}

function figures(rows) {
  const count = (key) => ({ key, label: t(`products.${key}`), kind: "number", cell: (row) => number(row[key]) });
  const odds = (key) => ({ key, label: t(`products.${key}`), kind: "number", cell: (row) => number(row[key], 2) });
  return table({
    caption: t("products.loss"), rows, state: { key: "log_odds", down: true },
    columns: [{ key: "name", label: t("products.name") }, count("lost"), count("kept"), odds("log_odds"), odds("low"), odds("high")],
  });
}
