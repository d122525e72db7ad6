// What lost customers teach about the portfolio: products that go with loss, and products that bring customers back.

import { get } from "../api.js";
import { intervals } from "../charts/intervals.js";
import { choice, h, show, whenWide } from "../dom.js";
import { follow } from "../live.js";
import { bars, heading, note, numbers, panel, renew, table } from "../parts.js";
import { number, t } from "../words.js";

const SHOWN = 24;

/** Draw products by group or by category, as the address asks, and follow them. */
export async function render(place, { query, signal, go }) {
  let kind = query.get("by") === "categories" ? "categories" : "product_groups";
  let now = null;
  let shown = [];
  const [picture, back, behind, text] = [h("div", { class: "picture" }), h("div", {}), h("div", {}), h("p", { class: "lead" })];
  const state = { key: "log_odds", down: true };
  const repaint = (width) => width && shown.length && show(picture, intervals({
    rows: shown, width, title: t("products.loss"), less: t("products.less"), more: t("products.more"), write: (value) => number(value, 1),
  }));
  const draw = () => {
    const rows = now?.[kind] ?? [];
    const told = now?.brought_back[kind] ?? [];
    shown = rows.length > SHOWN ? [...rows.slice(0, SHOWN / 2), ...rows.slice(-SHOWN / 2)] : rows;
    text.textContent = now ? t("products.loss.text", { lost: number(now.lost), kept: number(now.kept) }) : "";
    if (!rows.length) show(picture, note(t("products.none")));
    repaint(picture.clientWidth);
    renew(behind, figures(rows, state));
    show(back, told.length ? bars(told.slice(0, SHOWN).map(({ name, customers }) => ({ name, count: customers, tone: "good" })), { total: told[0].customers }) : note(t("products.none")));
  };
  const load = async () => {
    const { insights } = await get("/insights", {}, signal);
    now = insights.find((one) => one.period === "now")?.data;
    if (!signal.aborted) draw();
  };
  show(place, heading(t("view.products"), t("products.lead")),
    h("div", { class: "asks" }, choice(t("products.by"), ["product_groups", "categories"].map((name) => [name, t(`products.${name}`)]), kind, (name) => {
      kind = name;
      go("products", { by: name });
      draw();
    })),
    h("div", { class: "two" }, panel(t("products.loss"), text, picture, numbers(behind)),
      panel(t("products.back"), h("p", { class: "lead" }, t("products.back.text")), back)));
  await load();
  whenWide(picture, signal, repaint);
  follow(signal, load);
}

function figures(rows, state) {
  const count = (key) => ({ key, label: t(`products.${key}`), kind: "number", cell: (row) => number(row[key]) });
  const odds = (key) => ({ key, label: t(`products.${key}`), kind: "number", cell: (row) => number(row[key], 2) });
  return table({
    caption: t("products.loss"), rows, state,
    columns: [{ key: "name", label: t("products.name") }, count("lost"), count("kept"), odds("log_odds"), odds("low"), odds("high")],
  });
}
