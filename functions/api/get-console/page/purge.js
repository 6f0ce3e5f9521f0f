import { may } from "./account.js";
import { ask } from "./api.js";
import { copyable, fill, h, table } from "./dom.js";
import { trouble } from "./forms.js";
import { state, words } from "./format.js";
import { anything } from "./timeline.js";

/**
 * What a purge would delete, and what it would keep, beside the form that asks for it.
 *
 * @param {import("./types.js").TenantRecord} record
 */
export function planOf(record) {
  const element = h("div", { class: "card", role: "region", "aria-label": "Purge plan" });
  let last = "";
  /** @param {import("./forms.js").Values} values */
  async function update({ customer, data }) {
    const query = { customer: String(customer), data: String(data) };
    if (!may("get-purge-plan") || JSON.stringify(query) === last) return;
    const mine = (last = JSON.stringify(query));
    try {
      const plan = await ask("get-purge-plan", { tenant: record.slug, query });
      if (mine === last) fill(element, h("h3", null, "The plan"), report(plan.data));
    } catch (error) {
      fill(element, trouble(error));
    }
  }
  return { element, update };
}

/** A purge as it is now, or its certificate. @param {Record<string, unknown>} purge */
export function purgeStatus(purge) {
  const { certificate, ...rest } = purge;
  return [report(rest), certificate ? copyable("Certificate, for ivory purge verify", JSON.stringify(certificate, null, 2)) : null];
}

/** Facts, and a table for each list of things. @param {Record<string, unknown>} data */
function report(data) {
  const lists = Object.entries(data).filter(([, value]) => Array.isArray(value) && value.some((item) => item && typeof item === "object"));
  const others = Object.entries(data).filter(([name]) => !lists.some(([list]) => list === name));
  return h("div", null, anything(Object.fromEntries(others)), lists.map(([name, rows]) => [h("h3", null, words(name)), things(name, /** @type {any[]} */ (rows))]).flat());
}

/** @param {string} name @param {Record<string, unknown>[]} rows */
function things(name, rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => rows.some((row) => row[column] !== null));
  const cell = (/** @type {string} */ column) => (/** @type {Record<string, unknown>} */ row) =>
    /^(state|outcome)$/.test(column) && typeof row[column] === "string" ? state(row[column]) : anything(row[column]);
  return table(words(name), names.map((column) => ({ title: words(column), cell: cell(column) })), rows);
}
