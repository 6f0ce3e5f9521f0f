import { may } from "./account.js";
import { repairOf } from "./actions.js";
import { Refusal, ask } from "./api.js";
import { button, facts, fill, h, part, say, table } from "./dom.js";
import { trouble } from "./forms.js";
import { OWNERS, anything, outside, state, toTenant, when, words } from "./format.js";
import { loadingList } from "./lists.js";

/**
 * The parts of a tenant's page below its run. Each is only there for whoever may ask for it.
 *
 * @typedef {import("./types.js").TenantRecord} TenantRecord
 */

/**
 * Fills a part, or says why it cannot.
 *
 * @param {HTMLElement} body
 * @param {AbortSignal} signal
 * @param {() => Promise<import("./dom.js").Child | import("./dom.js").Child[]>} load
 */
async function filled(body, signal, load) {
  try {
    fill(body, await load());
  } catch (error) {
    if (!signal.aborted) fill(body, trouble(error));
  }
}

/** Where something can be looked at. @param {import("./types.js").ListedResource} resource @param {boolean} testMode */
function place({ kind, external_id: id }, testMode) {
  if (!id) return null;
  const stripe = `https://dashboard.stripe.com${testMode ? "/test" : ""}`;
  if (kind === "supabase_project") return outside("https://supabase.com/dashboard/project", [id], id);
  if (kind === "stripe_customer") return outside(`${stripe}/customers`, [id], id);
  if (kind === "stripe_subscription") return outside(`${stripe}/subscriptions`, [id], id);
  return h("code", null, id);
}

/** What exists of a tenant outside. @param {string} slug @param {AbortSignal} signal */
export function resourcesPart(slug, signal) {
  const [section, body] = part("What exists");
  const reload = () => filled(body, signal, async () => {
    const call = { tenant: slug, signal };
    const asked = may("list-systems") ? ask("list-systems", { signal }) : { data: [] };
    const [resources, systems] = await Promise.all([ask("list-tenant-resources", call), asked]);
    const warnings = systems.data.flatMap((system) => system.warnings);
    const testMode = warnings.some((warning) => warning.code === "stripe_test_mode");
    /** @type {import("./dom.js").Column<import("./types.js").ListedResource>[]} */
    const columns = [
      { title: "What", cell: (it) => words(it.kind) },
      { title: "State", cell: (it) => state(it.state) },
      { title: "Id there", cell: (it) => place(it, testMode) },
      { title: "Name", cell: (it) => it.name },
      { title: "Region", cell: (it) => it.region ?? "–" },
      { title: "Made by", cell: (it) => `${words(it.step)}, attempt ${it.attempt}` },
      { title: "When", cell: (it) => when(it.made_at ?? it.asked_at) },
      { title: "Provider's request", cell: (it) => it.provider_request_id && h("code", null, it.provider_request_id) },
    ];
    return resources.data.length ? table("Resources", columns, resources.data) : "Nothing yet.";
  });
  return { section, reload };
}

/**
 * Asks every system whether the tenant's things are as they were left, and repairs them.
 *
 * @param {() => TenantRecord} record As it is now.
 * @param {AbortSignal} signal
 */
export function checkPart(record, signal) {
  const [section, body] = part("Check", button("Check now", () => check()));
  fill(body, h("p", { class: "quiet" }, "Asks every system whether it has what the steps made. Nothing is changed."));
  /** @type {import("./dom.js").Column<import("./types.js").CheckedPart>[]} */
  const columns = [
    { title: "What", cell: (it) => [words(it.resource), it.name && h("p", { class: "quiet" }, it.name)] },
    { title: "State", cell: (it) => state(it.state) },
    { title: "Expected", cell: (it) => it.expected ?? "–" },
    { title: "Found", cell: (it) => it.found ?? "–" },
    { title: "What to do", cell: (it) => it.hint && [it.hint, h("p", { class: "quiet" }, h("code", null, it.code), owner(it))] },
  ];
  /** @param {import("./types.js").RepairedPart[]} done */
  function repaired(done) {
    const lines = done.map((it) => h("li", null, `${words(it.resource)}: `, state(it.outcome), it.hint && ` ${it.hint}`));
    check().then(() => body.prepend(h("ul", { class: "card" }, lines)));
  }
  const check = () => filled(body, signal, async () => {
    fill(body, "Asking…");
    const found = (await ask("check-tenant", { tenant: record().slug, signal })).data;
    const broken = found.filter((it) => it.state === "broken");
    const names = [...new Set(broken.filter((it) => it.repairable).map((it) => it.resource))];
    const told = broken.length ? `${broken.length} broken.` : "Nothing is broken.";
    say(told);
    return [h("p", null, told), table("Check", columns, found),
      h("p", null, names.length > 0 && repairOf(record(), names, repaired))];
  });
  return section;
}

/** @param {import("./types.js").CheckedPart} part */
function owner(part) {
  return part.owner && ` · ${OWNERS[part.owner]}`;
}

/** The tenant's catalog and sync targets. @param {TenantRecord} record @param {AbortSignal} signal */
export function lakehousePart(record, signal) {
  const [section, body] = part("Lakehouse");
  if (!may("get-catalog") && !may("list-sync-targets")) {
    fill(body, "A token is needed to see it: ", h("a", { href: "#/account" }, "sign in with one"), ".");
    return section;
  }
  filled(body, signal, async () => {
    const catalog = await ask("get-catalog", { tenant: record.tenant_id, signal }).catch((error) => {
      if (error instanceof Refusal && error.problem.code === "catalog_not_found") return null;
      throw error;
    });
    const ofTenant = { query: { tenant_id: record.tenant_id, limit: "100" }, signal };
    const targets = loadingList("Sync targets", "list-sync-targets", ofTenant, TARGETS, "No sync targets.");
    const active = catalog ? anything(catalog.data) : "No active catalog.";
    return [h("h3", null, "Catalog"), active, h("h3", null, "Sync targets"), targets.element];
  });
  return section;
}

/** @type {import("./dom.js").Column<import("./types.js").SyncTargetRecord>[]} */
export const TARGETS = [
  { title: "Tenant", cell: (it) => toTenant(it.tenant_slug) },
  { title: "From", cell: (it) => `${it.source_schema}.${it.source_table}` },
  { title: "To", cell: (it) => `${it.iceberg_namespace}.${it.iceberg_table}` },
  { title: "Catalog", cell: (it) => it.catalog_name },
  { title: "Mode", cell: (it) => words(it.sync_mode) },
  { title: "Since", cell: (it) => when(it.created_at) },
];

/** @type {import("./dom.js").Column<import("./types.js").AuditRecord>[]} */
export const AUDIT = [
  { title: "When", cell: (row) => when(row.at) },
  { title: "Who", cell: (row) => row.actor },
  { title: "What", cell: (row) => h("code", null, row.action) },
  { title: "Change", cell: changed },
  { title: "Request", cell: (row) => h("code", null, row.request_id) },
  { title: "Sealed", cell: (row) => (row.seq === null ? "not yet" : `no. ${row.seq}`) },
];

/** What a row of the audit log says of before and after. @param {import("./types.js").AuditRecord} row */
function changed({ before, after }) {
  if (!before && !after) return "–";
  const side = (/** @type {string} */ title, /** @type {object | null} */ values) =>
    values && [h("b", null, title), h("pre", null, JSON.stringify(values, null, 1))];
  const names = Object.keys(after ?? before ?? {}).join(", ") || "nothing";
  return h("details", null, h("summary", null, names), side("Before", before), side("After", after));
}

/** Who did what to the tenant. @param {string} slug @param {AbortSignal} signal */
export function auditPart(slug, signal) {
  const [section, body] = part("Audit trail");
  const rows = { tenant: slug, query: { limit: "50" }, signal };
  const reload = async () => {
    const { element, loaded } = loadingList("Audit trail", "list-tenant-audit", rows, AUDIT, "Nothing yet.");
    if ((await loaded) !== undefined) fill(body, element);
  };
  return { section, reload };
}

/** The record, as facts. @param {TenantRecord} record */
export function recordFacts(record) {
  return facts([
    ["Slug", h("code", null, record.slug)],
    ["Id", h("code", null, record.tenant_id)],
    ["Tier", words(record.tier)],
    ["Region", record.region],
    ["Admin", record.admin_email],
    ["Own domain", record.custom_domain],
    ["Environment", record.supabase_url],
    ["Created", when(record.created_at)],
    ["Live since", when(record.activated_at)],
    ["Brought back", when(record.restored_at)],
    ["Changed", when(record.updated_at)],
  ]);
}
