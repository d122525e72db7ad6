// A flow diagram: what was on the left, what became on the right, between them a ribbon as wide as its count.

import { s } from "../dom.js";

const GAP = 14;
const NODE = 10;
const NONE = "null";

/** Draw flows [{from, to, count}] at a width; `label` names a value, `tone` colours it, `told` says a flow, `picked` is called with one. */
export function ribbons({ flows, values, width, title, label, tone, told, picked }) {
  const sides = ["from", "to"].map((side) => nodes(flows, side, values));
  const most = Math.max(...sides.map((side) => side.length));
  const height = Math.max(260, 64 * most);
  const narrow = width < 560;
  const pad = narrow ? 96 : 190;
  const total = flows.reduce((sum, flow) => sum + flow.count, 0);
  // Flows of one customer in thousands stay visible.
  const scale = (height - GAP * (most - 1)) / total;
  const thick = (count) => Math.max(1.5, count * scale);
  const slot = narrow ? 34 : 20; // room for the name of a small one
  const drawn = sides.map((side) => place(side, thick, height, slot));
  const [left, right] = drawn;
  const paths = [...flows].sort((one, other) => order(values, one) - order(values, other)).map((flow) => {
    const [a, b] = [left.get(key(flow.from)), right.get(key(flow.to))];
    const size = thick(flow.count);
    const path = ribbon(pad + NODE, a.at, width - pad - NODE, b.at, size);
    a.at += size;
    b.at += size;
    return s("path", { d: path, class: "ribbon", "data-tone": tone(flow.to), onclick: () => picked(flow) }, s("title", {}, told(flow)));
  });
  const marks = drawn.flatMap((side, right) => [...side.values()].map((node) => [
    s("rect", { x: right ? width - pad - NODE : pad, y: node.top, width: NODE, height: node.size, rx: 2, "data-tone": tone(node.value), class: "node" }),
    s("text", { x: right ? width - pad + 8 : pad - 8, y: node.top + node.size / 2, "text-anchor": right ? "start" : "end", class: "node-name" },
      narrow
        ? [...label(node.value).split(" "), null].map((word, line, lines) => s("tspan", {
          x: right ? width - pad + 8 : pad - 8, dy: line ? "1.15em" : `${-0.57 * (lines.length - 1)}em`, class: word === null ? "node-count" : undefined,
        }, word ?? told(node)))
        : [s("tspan", {}, label(node.value)), s("tspan", { class: "node-count", dx: 6 }, told(node))]),
  ]));
  const bottom = Math.max(...drawn.flatMap((side) => [...side.values()].map((node) => node.top + node.size + slot / 2)));
  return s("svg", { class: "ribbons", width, height: bottom + 8, viewBox: `0 -4 ${width} ${bottom + 8}`, role: "img", "aria-label": title }, paths, marks);
}

const key = (value) => value ?? NONE;
const order = (values, flow) => values.indexOf(key(flow.from)) * 100 + values.indexOf(key(flow.to));

function nodes(flows, side, values) {
  const counts = new Map();
  for (const flow of flows) counts.set(key(flow[side]), (counts.get(key(flow[side])) ?? 0) + flow.count);
  return [...counts].sort(([one], [other]) => values.indexOf(one) - values.indexOf(other));
}

function place(side, thick, height, slot) {
  const sizes = side.map(([, count]) => thick(count));
  const slots = sizes.map((size) => Math.max(size, slot));
  const used = slots.reduce((sum, size) => sum + size, 0) + GAP * (side.length - 1);
  let top = Math.max(0, (height - used) / 2);
  return new Map(side.map(([value, count], index) => {
    const at = top + (slots[index] - sizes[index]) / 2;
    const node = { value: value === NONE ? null : value, count, top: at, at, size: sizes[index] };
    top += slots[index] + GAP;
    return [value, node];
  }));
}

function ribbon(x1, y1, x2, y2, size) {
  const half = (x1 + x2) / 2;
  return `M${x1},${y1} C${half},${y1} ${half},${y2} ${x2},${y2} L${x2},${y2 + size} C${half},${y2 + size} ${half},${y1 + size} ${x1},${y1 + size} Z`;
}
