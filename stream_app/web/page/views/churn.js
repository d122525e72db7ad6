// Churn and win-back over time, with the false alarms and the lag beside them: a silent killer made visible.

import { get } from "../api.js";
import { plot } from "../charts/plot.js";
import { h, show } from "../dom.js";
import { heading, note, numbers, panel, table } from "../parts.js";
import { month, number, percent, t } from "../words.js";

/** Draw the months that the insights have. */
export async function render(place, { signal }) {
  const { insights } = await get("/insights", {}, signal);
  const months = insights.filter((one) => one.period !== "now").map((one) => one.data);
  show(place, heading(t("view.churn"), t("churn.lead")));
  if (!months.length) {
    place.append(note(t("churn.none")));
    return;
  }
  const names = months.map((one) => one.period);
  const column = (key) => months.map((one) => one[key]);
  const lag = (key) => months.map((one) => one.lag_days?.[key] ?? null);
  const draw = (title, text, settings) => {
    const at = h("div", { class: "plot" });
    place.append(panel(title, h("p", { class: "lead" }, text), at));
    return plot(at, signal, { months: names, monthName: month, corner: t("churn.month"), title: `${title}. ${text}`, ...settings });
  };
  place.append(latest(months.at(-1)));
  const drawn = [
    draw(t("churn.moves"), t("churn.moves.text"), {
      write: (value) => number(value),
      series: [
        { label: t("churn.won_back"), values: column("won_back"), tone: "good", bars: true },
        { label: t("churn.lost"), values: column("lost"), tone: "poor", bars: true },
      ],
    }),
    draw(t("churn.rates"), t("churn.rates.text"), {
      write: (value) => percent(value, 0),
      series: [
        { label: t("churn.churn_pct"), values: column("churn_pct"), tone: "poor" },
        { label: t("churn.false_alarm_pct"), values: column("false_alarm_pct"), tone: "fair", dashed: true },
      ],
    }),
    draw(t("churn.lag"), t("churn.lag.text"), {
      write: (value) => number(value),
      series: [
        { label: t("churn.lag.median"), values: lag("median"), tone: "plain" },
        { label: t("churn.lag.p90"), values: lag("p90"), tone: "quiet", dashed: true },
      ],
    }),
  ];
  place.append(numbers(figures(months)));
  await Promise.all(drawn);
}

function latest(now) {
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h("dl", { class: "figures" }, figure(t("churn.month"), month(now.period)), figure(t("churn.active_at_start"), number(now.active_at_start)),
    figure(t("churn.lost"), number(now.lost)), figure(t("churn.churn_pct"), percent(now.churn_pct)), figure(t("churn.won_back"), number(now.won_back)),
    figure(t("churn.false_alarm_pct"), percent(now.false_alarm_pct)));
}

function figures(months) {
  const count = (key) => ({ key, label: t(`churn.${key}`), kind: "number", cell: (row) => number(row[key]) });
  const share = (key) => ({ key, label: t(`churn.${key}`), kind: "number", cell: (row) => percent(row[key]) });
  const lag = (key) => ({ key: `lag_${key}`, label: t(`churn.lag.${key}`), kind: "number", sort: (row) => row.lag_days?.[key], cell: (row) => number(row.lag_days?.[key]) });
  return table({
    caption: t("view.churn"),
    rows: months,
    state: { key: "period", down: false },
    columns: [{ key: "period", label: t("churn.month"), cell: (row) => month(row.period) }, count("active_at_start"), count("new"), count("lost"), share("churn_pct"),
      count("won_back"), count("false_alarms"), share("false_alarm_pct"), count("revoked"), lag("median"), lag("p90"), count("active_at_end")],
  });
}
