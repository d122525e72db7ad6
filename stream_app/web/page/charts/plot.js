// Plots over time with uPlot, which is fetched when the first plot is drawn.

import { h, whenWide } from "../dom.js";

let loading = null;

function load() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/static/vendor/uPlot.min.css" }));
    document.head.append(h("script", { src: "/static/vendor/uPlot.iife.min.js", onload: () => resolve(globalThis.uPlot), onerror: reject }));
  });
  return loading;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * A plot of series over months. A series is {label, values, tone, bars?, dashed?}.
 * `write` writes a value; `title` tells readers of the screen what it is, and the table below has its numbers.
 * Gives what draws it anew, from later months and the values of each series.
 */
export async function plot(place, signal, { months, series, write, title, corner, monthName, height = 220 }) {
  const Plot = await load();
  if (signal.aborted) return () => {};
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", title);
  const ink = colour("--quiet");
  const line = { stroke: colour("--hair"), width: 1 };
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: ink, grid: line, ticks: { show: false }, font };
  const bars = series.filter((one) => one.bars);
  const drawn = new Plot({
    width: place.clientWidth || 600,
    height,
    scales: { x: { time: false, range: () => [-0.6, months.length - 0.4] }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.08)] } },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    legend: { live: true },
    axes: [
      { ...axis, grid: { show: false }, space: 64, incrs: [1, 2, 3, 6, 12], values: (_, at) => at.map((index) => (months[index] ? monthName(months[index]) : "")) },
      { ...axis, values: (_, at) => at.map(write), size: 56 },
    ],
    series: [
      { label: corner, value: (_, index) => (months[index] ? monthName(months[index]) : "–") },
      ...series.map((one) => {
        const stroke = colour(`--${one.tone}`);
        const value = (_, raw) => (raw === null || raw === undefined ? "–" : write(raw));
        if (!one.bars) return { label: one.label, stroke, width: 2, dash: one.dashed ? [5, 4] : undefined, points: { size: 5, fill: stroke }, value, spanGaps: true };
        const share = 0.72 / bars.length;
        return { label: one.label, stroke, fill: stroke, width: 0, value, points: { show: false }, paths: shifted(Plot, bars.indexOf(one), bars.length, share) };
      }),
    ],
  }, [months.map((_, index) => index), ...series.map((one) => one.values)], place);
  const tellLatest = () => drawn.setLegend({ idx: months.length - 1 });
  tellLatest();
  whenWide(place, signal, (width) => drawn.setSize({ width, height }));
  signal.addEventListener("abort", () => drawn.destroy());
  return (later, values) => {
    months = later;
    drawn.setData([months.map((_, index) => index), ...values]);
    if (drawn.cursor.idx === null || drawn.cursor.idx === undefined) tellLatest();
  };
}

// Bars of several series stand side by side within their month.
function shifted(Plot, index, count, share) {
  return (self, series, from, to) => {
    const path = new Path2D();
    const unit = Math.abs(self.valToPos(1, "x", true) - self.valToPos(0, "x", true));
    const width = unit * share;
    const floor = self.valToPos(0, "y", true);
    for (let at = from; at <= to; at += 1) {
      const value = self.data[series][at];
      if (value === null || value === undefined) continue;
      const left = self.valToPos(at, "x", true) + (index - count / 2) * width;
      const top = self.valToPos(value, "y", true);
      path.rect(left + 1, Math.min(top, floor), Math.max(1, width - 2), Math.abs(floor - top));
    }
    return { stroke: path, fill: path, flags: 1 };
  };
}
