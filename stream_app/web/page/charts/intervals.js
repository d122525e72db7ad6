// Log-odds with their intervals: a dot and a line for each product, beside the line of no difference.

import { s } from "../dom.js";

const ROW = 30;
const LETTER = 7.5; // about as wide as one is
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5];

/** Draw rows [{name, log_odds, low, high}] at a width. */
export function intervals({ rows, width, title, less, more, write }) {
  const pad = Math.min(200, Math.max(110, width * 0.28));
  const right = 16;
  const most = Math.max(0.5, ...rows.flatMap((row) => [Math.abs(row.low), Math.abs(row.high)]));
  const x = (value) => pad + ((value + most) / (2 * most)) * (width - pad - right);
  const height = rows.length * ROW + 46;
  const step = STEPS.find((one) => most / one < 4) ?? STEPS.at(-1);
  const each = Math.floor(most / step);
  const steps = Array.from({ length: 2 * each + 1 }, (_, index) => (index - each) * step);
  const letters = Math.floor((pad - 20) / LETTER);
  const short = (name) => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name);
  return s("svg", { class: "intervals", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title },
    s("text", { x: pad, y: 14, class: "side" }, `← ${less}`),
    s("text", { x: width - right, y: 14, class: "side", "text-anchor": "end" }, `${more} →`),
    steps.map((step) => [
      s("line", { x1: x(step), x2: x(step), y1: 24, y2: height - 20, class: step === 0 ? "zero" : "grid" }),
      s("text", { x: x(step), y: height - 4, "text-anchor": "middle", class: "tick" }, write(step)),
    ]),
    rows.map((row, index) => {
      const y = 24 + ROW * (index + 0.5);
      // An interval that leaves zero out says something; the others are drawn quietly.
      const tone = row.low > 0 ? "poor" : row.high < 0 ? "good" : "none";
      return s("g", { "data-tone": tone }, s("title", {}, `${row.name}: ${write(row.log_odds)} (${write(row.low)} – ${write(row.high)})`),
        s("text", { x: pad - 12, y, "text-anchor": "end", class: "name" }, short(row.name)),
        s("line", { x1: x(row.low), x2: x(row.high), y1: y, y2: y, class: "reach" }),
        s("circle", { cx: x(row.log_odds), cy: y, r: 5 }));
    }));
}
