// Churn and win-back over time, with the false alarms and the lag beside them: a silent killer made visible.

import { get } from "../api.js";
import { plot } from "../charts/plot.js";
import { h, show } from "../dom.js";
import { follow } from "../live.js";
import { heading, note, numbers, panel, renew, table } from "../parts.js";
import { month, number, percent, t } from "../words.js";

/** Draw the months that the insights have, and follow them. */
export async function render(place, { signal }) {
  const body = h("div", {}, note(t("churn.none")));
  let update = null;
  const load = async () => {
    const { insights } = await get("/insights", {}, signal);
    const months = insights.filter((one) => one.period !== "now").map((one) => one.data);
    if (!months.length || signal.aborted) return;
    update ??= await frame(body, signal, months);
    update(months);
  };
  show(place, heading(t("view.churn"), t("churn.lead")), body);
  await load();
  follow(signal, load);
}

async function frame(body, signal, months) {
  const column = (key) => (all) => all.map((one) => one[key]);
  const lag = (key) => (all) => all.map((one) => one.lag_days?.[key] ?? null);
  const plots = [
    ["moves", (value) => number(value), [
      { label: t("churn.won_back"), of: column("won_back"), tone: "good", bars: true },
      { label: t("churn.lost"), of: column("lost"), tone: "poor", bars: true },
    ]],
    ["rates", (value) => percent(value, 0), [
      { label: t("churn.churn_pct"), of: column("churn_pct"), tone: "poor" },
      { label: t("churn.false_alarm_pct"), of: column("false_alarm_pct"), tone: "fair", dashed: true },
    ]],
    ["lag", (value) => number(value), [
      { label: t("churn.lag.median"), of: lag("median"), tone: "plain" },
      { label: t("churn.lag.p90"), of: lag("p90"), tone: "quiet", dashed: true },
    ]],
  ].map(([name, write, series]) => ({ name, write, series, at: h("div", { class: "plot" }) }));
  const figures = h("dl", { class: "figures" });
  const behind = h("div", {});
  show(body, figures, plots.map(({ name, at }) => panel(t(`churn.${name}`), h("p", { class: "lead" }, t(`churn.${name}.text`)), at)), numbers(behind));
  const names = (all) => all.map((one) => one.period);
  const redraws = await Promise.all(plots.map(({ name, write, series, at }) => plot(at, signal, {
    months: names(months), monthName: month, corner: t("churn.month"), title: `${t(`churn.${name}`)}. ${t(`churn.${name}.text`)}`, write,
    series: series.map((one) => ({ ...one, values: one.of(months) })),
  })));
  const state = { key: "period", down: false };
  return (all) => {
    show(figures, latest(all.at(-1)));
    redraws.forEach((redraw, index) => redraw(names(all), plots[index].series.map((one) => one.of(all))));
    renew(behind, table({ ...columns(), rows: all, state }));
  };
}

function latest(now) {
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return [figure(t("churn.month"), [month(now.period), h("small", {}, t("churn.so_far"))]), figure(t("churn.active_at_start"), number(now.active_at_start)),
    figure(t("churn.lost"), number(now.lost)), figure(t("churn.churn_pct"), percent(now.churn_pct)), figure(t("churn.won_back"), number(now.won_back)),
    figure(t("churn.false_alarm_pct"), percent(now.false_alarm_pct))];
}

function columns() {
  const count = (key) => ({ key, label: t(`churn.${key}`), kind: "number", cell: (row) => number(row[key]) });
  const share = (key) => ({ key, label: t(`churn.${key}`), kind: "number", cell: (row) => percent(row[key]) });
  const lag = (key) => ({ key: `lag_${key}`, label: t(`churn.lag.${key}`), kind: "number", sort: (row) => row.lag_days?.[key], cell: (row) => number(row.lag_days?.[key]) });
  return {
    caption: t("view.churn"),
    columns: [{ key: "period", label: t("churn.month"), cell: (row) => month(row.period) }, count("active_at_start"), count("new"), count("lost"), share("churn_pct"),
      count("won_back"), count("false_alarms"), share("false_alarm_pct"), count("revoked"), lag("median"), lag("p90"), count("active_at_end")],
  };
}
