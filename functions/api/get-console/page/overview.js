import { may } from "./account.js";
import { ask } from "./api.js";
import { Shown, fill, h, keepOn, part, table } from "./dom.js";
import { explained, since, state, toTenant, when, words } from "./format.js";
import { loadingList } from "./lists.js";
import { AUDIT } from "./parts.js";

/** How many tenants of a kind are looked at one by one. */
const LOOKED_AT = 8;
/** A run that has not moved for so long is stuck. */
const STUCK = 10 * 60_000;
const PACE = 30_000;

/**
 * @typedef {import("./types.js").ListedTenant} ListedTenant
 * @typedef {Pick<import("./types.js").Status, "slug" | "steps" | "updated_at" | "last_error">} Status
 */

/** @param {ListedTenant[]} tenants @param {"provisioning_state" | "tier" | "region"} by */
function counted(tenants, by) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const tenant of tenants) counts.set(tenant[by], (counts.get(tenant[by]) ?? 0) + 1);
  return [...counts].sort();
}

/** @param {string} title @param {[string, number][]} counts @param {(name: string) => import("./dom.js").Child} shown */
function counts(title, counts, shown) {
  const rows = counts.flatMap(([name, count]) => [h("dt", null, shown(name)), h("dd", null, String(count))]);
  return h("div", { class: "card" }, h("h2", null, title), h("dl", null, rows));
}

/** The statuses of the newest of these. @param {ListedTenant[]} tenants @param {AbortSignal} signal @returns {Promise<Status[]>} */
async function statuses(tenants, signal) {
  const calls = tenants.slice(0, LOOKED_AT).map((tenant) =>
    ask("get-tenant-status", { tenant: tenant.slug, signal }).catch((error) => {
      // One that was purged since it was listed is none to look at. Any other trouble is that of one row.
      if (error.problem?.code === "tenant_not_found") return null;
      return { data: { slug: tenant.slug, steps: [], updated_at: new Date().toISOString(), last_error: String(error.message) } };
    }),
  );
  return (await Promise.all(calls)).flatMap((answer) => answer?.data ?? []);
}

/** Whether a run does not move, or meets the same trouble again and again. @param {Status} status */
function isStuck(status) {
  return since(status.updated_at) > STUCK || status.steps.some((step) => step.cause && step.state !== "completed");
}

/** @param {Status} status */
function running(status) {
  const now = status.steps.find((step) => step.state !== "completed");
  if (!now) return h("li", null, toTenant(status.slug));
  const doing = [` ${now.name.replaceAll("-", " ")}, `, state(now.state)];
  return h("li", null, toTenant(status.slug), doing, now.cause ? explained(now.cause) : null);
}

/** @param {Status} status */
function failed(status) {
  const cause = status.steps.map((step) => step.cause).find((cause) => cause);
  return h("li", null, toTenant(status.slug), " ", when(status.updated_at), cause ? explained(cause) : h("p", null, status.last_error));
}

/** @param {Status[]} list @param {(status: Status) => Node} show */
function each(list, show) {
  return () => (list.length ? h("ul", null, list.map(show)) : "None.");
}

/** @type {import("./dom.js").Column<import("./types.js").ListedSystem>[]} */
const SYSTEMS = [
  { title: "System", cell: (it) => it.system },
  { title: "Tenants of", cell: (it) => [it.region ?? "every region", it.tier && `, ${words(it.tier)}`] },
  { title: "Verdict", cell: (it) => [state(it.verdict), !it.fresh && h("p", { class: "quiet" }, "old")] },
  { title: "Asked", cell: (it) => when(it.checked_at) },
  { title: "Why", cell: why },
];

/** @param {import("./types.js").ListedSystem} it */
function why({ cause, warnings }) {
  return [...(cause ? explained(cause) : []), ...warnings.map(({ hint }) => h("p", { class: "quiet" }, hint))];
}

/** What there is, what runs, what failed, and whether the systems are well. @param {HTMLElement} main @param {AbortSignal} signal */
export async function overviewView(main, signal) {
  const numbers = h("div", { class: "cards" });
  const [[stuck, stuckBody], [runs, runsBody], [failures, failuresBody]] = [part("Stuck"), part("Provisioning now"), part("Failed last")];
  const [systems, systemsBody] = part("Outside systems");
  const [newest, newestBody] = part("Newest changes", h("a", { href: "#/audit" }, "All of them"));
  const shown = [numbers, stuckBody, runsBody, failuresBody, systemsBody].map((body) => new Shown(body));
  const all = { query: { limit: "10000" }, signal };

  async function look() {
    const asked = may("list-systems") ? ask("list-systems", { signal }) : { data: [] };
    const [list, verdicts] = await Promise.all([ask("list-tenants", all), asked]);
    const tenants = list.data;
    const of = (/** @type {string} */ state) => tenants.filter((tenant) => tenant.provisioning_state === state);
    const [now, broken] = await Promise.all([statuses(of("provisioning"), signal), statuses(of("failed"), signal)]);
    const [halted, going] = [now.filter(isStuck), now.filter((status) => !isStuck(status))];
    const byState = counted(tenants, "provisioning_state");
    shown[0].show([byState, list.next, tenants.length], () => [
      counts(`${tenants.length}${list.next ? "+" : ""} tenants`, byState, (name) => h("a", { href: `#/tenants/?${name}` }, state(name))),
      counts("By tier", counted(tenants, "tier"), words),
      counts("By region", counted(tenants, "region"), (name) => name),
    ]);
    shown[1].show(halted, each(halted, running));
    shown[2].show(going, each(going, running));
    shown[3].show(broken, each(broken, failed));
    const known = verdicts.data.length > 0;
    shown[4].show(verdicts.data, () => (known ? table("Outside systems", SYSTEMS, verdicts.data) : "They were not asked yet."));
    stuck.hidden = halted.length === 0;
    return PACE;
  }

  await look();
  const isAudited = may("list-audit");
  const rows = { query: { limit: "10" }, signal };
  if (isAudited) fill(newestBody, loadingList("Newest changes", "list-audit", rows, AUDIT, "Nothing yet.").element);
  const parts = [numbers, stuck, runs, failures, may("list-systems") && systems, isAudited && newest];
  fill(main, h("h1", { tabindex: "-1" }, "Overview"), parts);
  return () => keepOn(signal, PACE, look);
}
