// The policy in force: the shop's own thresholds as a tree, and its versions.

import { get } from "../api.js";
import { h, show } from "../dom.js";
import { heading, note, panel, table } from "../parts.js";
import { moment, number, t } from "../words.js";

/** Draw the policy and its versions. */
export async function render(place, { signal }) {
  const { in_force: now, versions } = await get("/policy", {}, signal);
  show(place, heading(t("view.policy"), t("policy.lead")));
  if (!now) {
    place.append(note(t("policy.none")));
    return;
  }
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  const sections = Object.entries(now.document);
  const plain = sections.filter(([, value]) => value === null || typeof value !== "object");
  place.append(
    h("dl", { class: "figures" }, figure(t("policy.version"), number(now.version)), figure(t("policy.since"), moment(now.since)), figure(t("policy.hash"), h("code", {}, now.hash.slice(0, 12)))),
    panel(t("policy.document"), h("div", { class: "policy-sections" },
      h("section", {}, h("h3", {}, t("policy.shop")), tree(Object.fromEntries(plain))),
      sections.filter(([, value]) => value !== null && typeof value === "object").map(([name, value]) => h("section", {}, h("h3", {}, name.replaceAll("_", " ")), tree(value))))),
    panel(t("policy.versions"), table({
      caption: t("policy.versions"), rows: versions, state: { key: "version", down: true },
      columns: [{ key: "version", label: t("policy.version"), kind: "number" }, { key: "shop", label: t("shop") }, { key: "status", label: t("policy.status"), cell: (row) => t(`policy.${row.status}`) },
        { key: "since", label: t("policy.since"), cell: (row) => moment(row.since) }, { key: "hash", label: t("policy.hash"), sort: false, cell: (row) => h("code", {}, (row.hash ?? "").slice(0, 12)) }],
    })));
}

function tree(section) {
  if (Array.isArray(section)) return h("ol", {}, section.map((one) => h("li", {}, told(one))));
  return h("dl", { class: "tree" }, Object.entries(section).map(([name, one]) => h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, told(one)))));
}

/** A value in one run of text: names quiet, what they are set to plain. */
function told(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value !== "object") return String(value);
  const nested = (one) => one !== null && typeof one === "object";
  if (Array.isArray(value)) return value.flatMap((one, index) => [index ? (nested(one) ? "; " : ", ") : "", told(one)]);
  if (!Object.keys(value).length) return "–";
  return Object.entries(value).flatMap(([name, one], index) => [index ? ", " : "", h("span", { class: "key" }, `${name.replaceAll("_", " ")} `),
    nested(one) ? ["(", told(one), ")"] : told(one)]);
}
