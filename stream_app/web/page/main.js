// The frame of the page: which view is shown, the live mark, the language, light and dark, the shop.

import { chosen, get, onTokenWanted } from "./api.js";
import { h, show } from "./dom.js";
import { CODES, NAMES } from "./languages.js";
import { connect, live, remember, watch } from "./live.js";
import { note } from "./parts.js";
import { control } from "./demo.js";
import { keep, kept, language, moment, number, preferred, speak, t } from "./words.js";

const VIEWS = ["overview", "flows", "churn", "products", "value", "customers", "policy", "try"];
const CURRENCY_MS = 500;
const content = document.getElementById("content");
let view = new AbortController();
let said = "";

const route = () => {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: path || "overview", query: new URLSearchParams(query) };
};

async function open(moveFocus = true) {
  view.abort();
  const ours = (view = new AbortController());
  const { name, query } = route();
  const known = VIEWS.includes(name) || name === "customer" ? name : "overview";
  for (const link of document.querySelectorAll("#rail a")) {
    if (link.dataset.view === (known === "customer" ? "customers" : known)) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  content.setAttribute("aria-busy", "true");
  const place = h("div", { class: `view view-${known}` });
  try {
    const module = await import(`./views/${known}.js`);
    if (ours.signal.aborted) return;
    show(content, place);
    await module.render(place, { query, signal: ours.signal, go });
  } catch (error) {
    if (ours.signal.aborted) return;
    show(content, place);
    if (!place.querySelector("h1")) place.append(h("h1", { tabindex: "-1" }, t(`view.${known}`)));
    place.append(note(t("failed", { why: error.message }), "wrong"));
  }
  content.removeAttribute("aria-busy");
  const title = place.querySelector("h1");
  document.title = `${title?.textContent ?? t("name")} · ${t("name")}`;
  if (moveFocus) (title ?? content).focus({ preventScroll: false });
}

/** Go to a view without leaving a step behind, as a filter does. */
function go(name, values = {}) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  history.replaceState(null, "", `#/${name}${query.size ? `?${query}` : ""}`);
}

function frame() {
  document.getElementById("skip").textContent = t("skip");
  document.getElementById("name").textContent = t("name");
  const rail = document.getElementById("rail");
  rail.setAttribute("aria-label", t("views"));
  show(rail, h("ul", {}, VIEWS.map((name) => h("li", {}, h("a", { href: `#/${name}`, "data-view": name }, t(`view.${name}`))))));
  show(document.getElementById("foot"), h("p", {}, t("foot")));
  show(document.getElementById("choices"), shops(), languages(), themes());
}

function shops() {
  if (chosen.all.length < 2) return null;
  return h("label", {}, h("span", { class: "unseen" }, t("shop")), h("select", {
    onchange: (event) => {
      Object.assign(chosen, { shop: event.target.value, currency: null });
      start(false);
    },
  }, chosen.all.map((shop) => h("option", { selected: shop === chosen.shop }, shop))));
}

function languages() {
  return h("span", { class: "switch", role: "group", "aria-label": t("language") }, CODES.map((code) => h("button", {
    type: "button", lang: code, title: NAMES[code], "aria-label": NAMES[code], "aria-pressed": String(code === language),
    onclick: async () => {
      await speak(code);
      start(false);
    },
  }, code.toUpperCase())));
}

function themes() {
  const button = h("button", {
    type: "button", class: "theme",
    onclick: () => {
      const dark = document.documentElement.dataset.theme !== "dark";
      document.documentElement.dataset.theme = dark ? "dark" : "light";
      keep("theme", dark ? "dark" : "light");
      word();
      open(false);
    },
  });
  const word = () => (button.textContent = t(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  word();
  return button;
}

function liveMark({ state, pulse }) {
  const mark = document.getElementById("mark");
  mark.dataset.state = state;
  document.getElementById("mark-word").textContent = t(`mark.${state}`);
  document.body.dataset.state = state;
  if (pulse?.shop && !chosen.shop) {
    start(false); // the first customer of the first shop has come
    return;
  }
  if (pulse?.latest_effective_at) {
    show(document.getElementById("now"), h("span", {}, t("now.at", { at: moment(pulse.latest_effective_at) })),
      pulse.lag_records > 0 ? h("span", {}, t("now.lag", { count: number(pulse.lag_records) })) : null);
  }
  if (state !== said) {
    if (said) document.getElementById("said").textContent = t(`mark.${state}.long`);
    said = state;
  }
}

function askForToken() {
  return new Promise((resolve) => {
    const field = h("input", { type: "password", name: "token", autocomplete: "current-password", required: true });
    const dialog = h("dialog", { "aria-labelledby": "token-title" }, h("form", { method: "dialog" },
      h("h2", { id: "token-title" }, t("token.title")), h("p", {}, t("token.text")), h("label", {}, t("token.label"), field),
      h("button", { class: "main" }, t("token.send"))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(field.value || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Ask which shops there are, until somebody answers: the page may be opened before the API is up. */
async function knowShops() {
  for (;;) {
    try {
      chosen.shop ??= new URLSearchParams(location.search).get("shop");
      const { shop, shops } = await get("/overview");
      Object.assign(chosen, { shop, all: shops });
      return;
    } catch (error) {
      liveMark(Object.assign(live, { state: "lost" }));
      show(content, h("h1", { tabindex: "-1" }, t("name")), note(t("waiting", { why: error.message })));
      await new Promise((resume) => setTimeout(resume, 1_000));
    }
  }
}

/** In what the shop counts its money, as its policy says; while Kafka is away nobody waits for it, and amounts are told in minor units. */
async function knowCurrency() {
  const { shop } = chosen;
  const { in_force } = await get("/policy").catch(() => ({}));
  if (shop === chosen.shop) chosen.currency = in_force?.document.currency ?? null;
}

async function start(moveFocus) {
  await knowShops();
  document.getElementById("shop").textContent = chosen.shop ?? "";
  frame();
  if (chosen.shop && !chosen.currency) {
    let late = false;
    const known = knowCurrency().then(() => late && chosen.currency && start(false)); // what was told meanwhile is told again
    await Promise.race([known, new Promise((resume) => setTimeout(resume, CURRENCY_MS))]);
    late = true;
  }
  connect();
  if (chosen.shop) remember().catch(() => {}); // the stream will fill the list
  control(document.getElementById("said"));
  await open(moveFocus);
}

const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme = kept("theme") ?? (dark ? "dark" : "light");
onTokenWanted(askForToken);
addEventListener("hashchange", () => open());
await speak(preferred());
chosen.all = [];
watch(null, liveMark);
await start(false);
