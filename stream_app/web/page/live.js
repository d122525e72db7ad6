// What streams in: the connection and its state, the last pulse, and a bounded list of the latest changes.

import { get, stream } from "./api.js";
import { language } from "./words.js";

export const ROWS_MAX = 120;
export const RATES_MAX = 90;
const SILENCE_MS = 4_000; // the API promises a line every 3 s
const AGAIN_MS = 1_000;
const DRAW_MS = 300;
const FOLLOW_MS = 2_000;
const ASKED_AFTER = 3;
const PER_SECOND = 20; // more than anyone can read

export const live = { state: "connecting", pulse: null, rows: [], rates: [], leftOut: 0, seen: 0 };
const watchers = new Set();
let connection = null;
let reached = null; // the number to go on from, when the connection was lost
let drawn = 0;
let waiting = 0;

/** Be called after something has changed, at most a few times a second; ends with the view. */
export function watch(signal, work) {
  watchers.add(work);
  signal?.addEventListener("abort", () => watchers.delete(work));
  work(live);
}

/** Ask again every few seconds while the view is seen, as long as something changes; and a few times more, since insights come later. */
export function follow(signal, work) {
  let [number, left, asking] = [live.pulse?.number, ASKED_AFTER, false];
  const timer = setInterval(async () => {
    if (document.hidden || asking || live.state !== "live" || !live.pulse) return;
    if (live.pulse.number !== number) [number, left] = [live.pulse.number, ASKED_AFTER];
    if (!left) return;
    left -= 1;
    asking = true;
    await work().catch(() => {}); // what is shown stays; the live mark says whether anybody answers
    asking = false;
  }, FOLLOW_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** Connect, and stay connected, to the stream of the chosen shop; what an earlier call made is ended. */
export function connect() {
  connection?.abort();
  const ours = (connection = new AbortController());
  Object.assign(live, { pulse: null, rows: [], rates: [], leftOut: 0 });
  reached = null;
  keepConnected(ours.signal);
}

async function keepConnected(signal) {
  while (!signal.aborted) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    signal.addEventListener("abort", end);
    let heard = performance.now();
    const guard = setInterval(() => performance.now() - heard > SILENCE_MS && attempt.abort(), 250);
    try {
      await stream({ per_second: PER_SECOND, after: reached }, attempt.signal, () => (heard = performance.now()), take);
    } catch {
      // A connection that ends badly is a connection that ended.
    }
    clearInterval(guard);
    signal.removeEventListener("abort", end);
    if (signal.aborted) return;
    turn("lost");
    await new Promise((resume) => setTimeout(resume, AGAIN_MS));
  }
}

function take(name, data, number) {
  reached = number || reached;
  if (name === "pulse") {
    turn("live");
    live.pulse = data;
    live.rates.push({ events: data.events_per_second, changes: data.changes_per_second });
    if (live.rates.length > RATES_MAX) live.rates.splice(0, live.rates.length - RATES_MAX);
  } else if (name === "changes") {
    live.rows = [...fresh(data.changes).reverse(), ...live.rows].slice(0, ROWS_MAX);
    live.leftOut += data.left_out;
    live.seen += data.changes.length + data.left_out;
  }
  draw();
}

/** The latest changes of before, so that the list is not empty while nothing happens. */
export async function remember() {
  const ours = connection;
  const { changes } = await get("/changes", { limit: 30, language });
  if (ours !== connection) return; // of another shop, or in another language
  live.rows = [...live.rows, ...fresh(changes)].slice(0, ROWS_MAX);
  draw();
}

/** Those that are not in the list yet: what is remembered may stream in, too. */
function fresh(changes) {
  const here = new Set(live.rows.map((one) => one.id));
  return changes.filter((one) => !here.has(one.id));
}

function turn(state) {
  if (live.state === state) return;
  live.state = state;
  drawn = 0;
  draw();
}

function draw() {
  if (waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    drawn = performance.now();
    for (const work of watchers) work(live);
  }, Math.max(0, DRAW_MS - (performance.now() - drawn)));
}
