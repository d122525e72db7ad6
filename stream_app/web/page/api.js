// The read API: questions with the chosen shop and, where one is asked for, the token; and the stream of changes.

import { language } from "./words.js";

const BASE = "/api/v1";
const KEY = "customer-status.token";
export const chosen = { shop: null, currency: null };
let askForToken = async () => null;

/** What asks the reader for a token, called when the API wants one. */
export function onTokenWanted(ask) {
  askForToken = ask;
}

/** An answer that is no success, in words for the reader. */
export class Refused extends Error {
  constructor(status, problem) {
    super([problem.detail, problem.fix].filter(Boolean).join("; ") || problem.title || `HTTP ${status}`);
    this.status = status;
  }
}

function address(path, parameters = {}) {
  const query = new URLSearchParams();
  const currency = parameters.language ? chosen.currency : null; // what is told in words has amounts in it
  for (const [name, value] of Object.entries({ shop: chosen.shop, currency, ...parameters })) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== undefined && one !== "") query.append(name, one);
  }
  return `${BASE}${path}?${query}`;
}

async function ask(path, parameters, options = {}) {
  const token = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(address(path, parameters), { ...options, headers });
  if (answer.status === 401) {
    const given = await askForToken();
    if (given) {
      sessionStorage.setItem(KEY, given);
      return ask(path, parameters, options);
    }
  }
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

/** A question, answered in JSON. */
export async function get(path, parameters, signal) {
  return (await ask(path, parameters, { signal })).json();
}

/** Something sent, answered in JSON. */
export async function post(path, parameters, body, signal) {
  const headers = { "content-type": "application/json" };
  return (await ask(path, parameters, { method: "POST", headers, body: JSON.stringify(body), signal })).json();
}

/** Read the stream until it ends; `heard` is called with every piece that arrives, `got` with every event and the number to go on from. */
export async function stream(parameters, signal, heard, got) {
  const headers = { accept: "text/event-stream" };
  const answer = await ask("/stream", { language, ...parameters }, { signal, headers, cache: "no-store" });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      let [name, data, number] = ["", "", ""];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data += line.slice(5);
        else if (line.startsWith("id:")) number = line.slice(3).trim();
      }
      if (number || data) got(name, data ? JSON.parse(data) : null, number);
    }
  }
}
