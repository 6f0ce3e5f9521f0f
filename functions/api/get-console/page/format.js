import { facts, h } from "./dom.js";

/** @type {Record<import("./types.js").State, string>} */
export const STATES = { provisioning: "busy", active: "good", failed: "bad", deprovisioned: "off" };
/** @type {Record<import("./types.js").Tier, string>} */
export const TIERS = { pilot: "Pilot", enterprise: "Enterprise", enterprise_plus: "Enterprise Plus" };
/** @type {Record<import("./types.js").Region, string>} */
export const REGIONS = { "us-east-1": "US East", "eu-central-1": "Frankfurt", "ap-southeast-1": "Singapore" };
/** Who can mend a cause. @type {Record<import("./types.js").Owner, string>} */
export const OWNERS = {
  caller: "whoever sent the request: another value would work",
  provider: "the outside system itself",
  quota: "whoever buys more of the provider's limit",
  platform: "whoever runs this installation",
};

/** Colours of other words than a tenant's states. @type {Record<string, string>} */
const COLOURS = {
  ...STATES, completed: "good", running: "busy", waiting: "busy",
  usable: "good", unusable: "bad", unknown: "busy", made: "good", asked: "busy",
  ok: "good", broken: "bad", not_asked: "busy", mended: "good", sound: "good", left: "bad", done: "good", waiting_approval: "busy",
  gone: "good", scheduled: "busy", kept: "busy", unavailable: "bad", delete: "bad", schedule: "bad", keep: "good",
};

/** Signs beside the colours, for whoever does not see them. @type {Record<string, string>} */
const SIGNS = { good: "✓", bad: "✗", busy: "◌" };

/** @param {string} word */
export function colour(word) {
  return COLOURS[word] ?? "off";
}

/** A state: its word, a sign and a colour. @param {string} word */
export function state(word) {
  const kind = colour(word);
  return h("span", { class: `state ${kind}` }, h("span", { "aria-hidden": "true" }, `${SIGNS[kind] ?? "○"} `), words(word));
}

/** @param {string} name */
export function words(name) {
  return name.replaceAll("_", " ");
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A time, and the exact one for whoever points at it. @param {string | null | undefined} text */
export function when(text) {
  const time = Date.parse(text ?? "");
  return text && (Number.isNaN(time) ? text : h("time", { datetime: text, title: text }, TIME.format(time)));
}

/** How long that was. @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** @param {string} text */
export function since(text) {
  return Date.now() - new Date(text).getTime();
}

/** A link to another site, which learns nothing of this page. @param {string} host @param {string[]} path @param {string} text */
export function outside(host, path, text) {
  const href = [host, ...path.map(encodeURIComponent)].join("/");
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text, h("span", { class: "hidden" }, " (another site)"));
}

/** A link to a tenant. @param {string} slug @param {string} [text] */
export function toTenant(slug, text = slug) {
  return h("a", { href: `#/tenants/${encodeURIComponent(slug)}` }, text);
}

/** What failed, who can mend it, and how. @param {import("./types.js").Cause} cause */
export function explained(cause) {
  return [
    h("p", null, h("b", null, cause.hint)),
    h("p", null, "Who can mend it: ", OWNERS[cause.owner], "."),
    h("p", { class: "quiet" }, h("code", null, cause.code),
      cause.retryable ? " · it may pass on its own" : " · it does not pass on its own",
      cause.foreseen_at && " · a check of the region foresaw it"),
    cause.provider_request_id &&
      h("p", null, "The provider's id of the request, for their support: ", h("code", null, cause.provider_request_id)),
  ];
}

/** What is answered with a shape that a later release may widen. @param {unknown} value @returns {import("./dom.js").Child} */
export function anything(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return when(value);
  if (Array.isArray(value)) return value.length ? h("ul", null, value.map((item) => h("li", null, anything(item)))) : "none";
  if (typeof value === "object") return facts(Object.entries(value).map(([name, item]) => [words(name), anything(item)]));
  return String(value);
}
