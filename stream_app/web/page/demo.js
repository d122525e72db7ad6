// The control of the demo's speed; where no demo runs, the API says so and nothing is shown.

import { get, post } from "./api.js";
import { h, show } from "./dom.js";
import { live, watch } from "./live.js";
import { day, number, t } from "./words.js";

const EVERY_MS = 1_000;
let running = null;

/** Show the control if a demo runs behind the API. */
export async function control() {
  running?.abort();
  const ours = (running = new AbortController());
  let bar = document.getElementById("demo");
  // The demo's server says so with its document; another would only answer that there is no such path.
  const [visit] = performance.getEntriesByType("navigation");
  const state = visit?.serverTiming?.some(({ name }) => name === "demo") ? await get("/demo").catch(() => null) : null;
  if (ours.signal.aborted) return;
  if (!state) {
    bar?.remove();
    return;
  }
  if (!bar) {
    bar = h("section", { id: "demo" });
    document.querySelector("header.top").after(bar);
  }
  bar.setAttribute("aria-label", t("demo.label"));
  const set = async (values) => draw(await post("/demo", {}, values));
  const play = h("button", { type: "button", class: "play", onclick: () => set({ paused: !current.paused }) });
  const speeds = h("span", { class: "switch", role: "group", "aria-label": t("demo.days") });
  const line = h("progress", { max: 1, "aria-label": t("demo.progress") });
  const told = h("span", { class: "told" });
  let current = state;
  const draw = (now) => {
    current = now;
    play.textContent = t(now.paused ? "demo.play" : "demo.pause");
    play.disabled = now.done;
    const buttons = now.speeds.map((speed) => [speed, speed === null ? t("demo.fastest") : number(speed)]);
    if (speeds.childElementCount !== buttons.length) {
      show(speeds, buttons.map(([speed, text]) => h("button", { type: "button", onclick: () => set({ speed, paused: false }) }, text)));
    }
    [...speeds.children].forEach((button, index) => button.setAttribute("aria-pressed", String(buttons[index][0] === now.speed)));
    line.value = now.total ? now.published / now.total : 0;
    told.textContent = now.done ? t("demo.done") : t("demo.at", { at: day(now.at), events: number(now.published) });
  };
  show(bar, play, speeds, h("span", { class: "unit" }, t("demo.days")), line, told);
  draw(state);
  let asked = performance.now();
  watch(ours.signal, async () => {
    if (live.state !== "live" || performance.now() - asked < EVERY_MS) return;
    asked = performance.now();
    const now = await get("/demo").catch(() => null);
    if (now && !ours.signal.aborted) draw(now);
  });
}
