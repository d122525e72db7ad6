// A small line of the last values, beside the figure that it belongs to.

import { s } from "../dom.js";

/** The line; it repeats what the figure says, so readers of the screen pass it over. */
export function spark(values) {
  const most = Math.max(1, ...values);
  const step = 100 / Math.max(1, values.length - 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(22 - (20 * value) / most).toFixed(1)}`).join(" ");
  return s("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" }, s("polyline", { points }));
}
