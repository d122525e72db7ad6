// What the page says, in the language that was chosen, and how it writes numbers, money and times.

import { CODES } from "./languages.js";

let table = {};
let locale = "en"; // how numbers and times are written: as the browser's country does, if it speaks the language
export let language = "en";

/** Load a language; the choice is remembered. */
export async function speak(code) {
  language = CODES.includes(code) ? code : "en";
  keep("language", language); // at once: who leaves the page now has chosen, too
  locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
  table = await (await fetch(`/static/words/${language}.json`)).json();
  document.documentElement.lang = language;
}

/** The language that was chosen before, or that the browser asks for. */
export function preferred() {
  return kept("language") ?? CODES.find((code) => navigator.language.startsWith(code)) ?? "en";
}

/** A sentence with its holes filled; a missing one shows its key, so that it is found. */
export function t(key, values = {}) {
  return (table[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The name of a dimension, a measure, or one of our own values. */
export function term(name) {
  return table[`term.${name}`] ?? String(name).replaceAll("_", " ");
}

const OWN = new Set(["class", "segment", "label", "service_level"]);

/** A value of a dimension; names that the shop has given stay as they are. */
export function valueTerm(dimension, value) {
  if (value === null || value === undefined) return t("nothing");
  return OWN.has(dimension) ? value : term(value);
}

/** A whole number, or one with so many decimals. */
export function number(value, digits = 0) {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** Percent that are already percent. */
export function percent(value, digits = 1) {
  return value === null || value === undefined ? "–" : `${number(value, digits)} %`;
}

/** Money in minor units of its currency. */
export function money(minor, currency) {
  if (minor === null || minor === undefined) return "–";
  if (!currency) return number(minor);
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

const MONEY = new Set(["revenue", "average_order", "margin", "contact_cost", "cost_to_serve", "value_now", "value_future", "value_strategic", "value_total"]);

/** The value of a measure, as money where it is. */
export function measure(name, value, currency) {
  return MONEY.has(name) ? money(value, currency) : number(value);
}

const DATE = { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" };

/** A day. */
export function day(text) {
  return text ? new Intl.DateTimeFormat(locale, DATE).format(new Date(text)) : "–";
}

/** A day and a time, in UTC. */
export function moment(text) {
  if (!text) return "–";
  return new Intl.DateTimeFormat(locale, { ...DATE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(text));
}

/** A month such as 2017-03. */
export function month(text) {
  return new Intl.DateTimeFormat(locale, { year: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${text}-01T00:00:00Z`));
}

/** How good a value is for the shop, which its colour shows beside its name. */
export function tone(dimension, value) {
  const good = { lifecycle: "active", churn_risk: "low", class: "A", contact: "ok", opportunity: "high", label: "gold" };
  const poor = { lifecycle: "inactive", churn_risk: "high", winback: "gone", segment: "exit", contact: "over_budget" };
  const fair = { churn_risk: "medium", winback: "cooling", opportunity: "medium", class: "B", label: "silver" };
  if (value === null || value === undefined) return "none";
  if (good[dimension] === value) return "good";
  if (poor[dimension] === value) return "poor";
  if (fair[dimension] === value || value === "recent" || value === "too_often" || value === "too_seldom") return "fair";
  return "plain";
}

/** Something that the browser remembers, if it may. */
export function kept(name) {
  try {
    return localStorage.getItem(`customer-status.${name}`);
  } catch {
    return null;
  }
}

/** Remember something, if the browser lets us. */
export function keep(name, value) {
  try {
    localStorage.setItem(`customer-status.${name}`, value);
  } catch {
    // A browser that remembers nothing is still served.
  }
}
