import { may } from "./account.js";
import { actionsOf, retryOf } from "./actions.js";
import { Refusal, ask } from "./api.js";
import { Shown, fill, goOnNow, h, keepOn, part, say } from "./dom.js";
import { state, when, words } from "./format.js";
import { auditPart, checkPart, lakehousePart, recordFacts, resourcesPart } from "./parts.js";
import { purgeStatus } from "./purge.js";
import { failure, timeline } from "./timeline.js";

/** How often a run is looked at, and a tenant that nothing happens to. */
const LIVE = 1500;
const CALM = 15_000;

/** One tenant. @param {HTMLElement} main @param {AbortSignal} signal @param {string} slug */
export async function tenantView(main, signal, slug) {
  const [title, actions] = [h("h1", { tabindex: "-1" }, slug), h("div", { class: "row" })];
  const [record, failed, held] = [h("div", { class: "card" }), h("div"), h("div")];
  const [run, steps] = part("Run");
  const [purge, purging] = part("Purge");
  const shown = {
    head: new Shown(title),
    actions: new Shown(actions),
    record: new Shown(record),
    failed: new Shown(failed),
    held: new Shown(held),
    steps: new Shown(steps),
    purging: new Shown(purging),
  };
  const resources = may("list-tenant-resources") ? resourcesPart(slug, signal) : null;
  const audit = may("list-tenant-audit") ? auditPart(slug, signal) : null;
  const rest = h("div");
  let [version, last] = ["", ""];
  /** @type {import("./types.js").TenantRecord} */
  let tenant;

  async function look() {
    const call = { tenant: slug, signal };
    const [{ data, etag }, answer] = await Promise.all([ask("get-tenant", call), ask("get-tenant-status", call)]).catch((error) => {
      // The end of a purge frees the slug. From then on the record is found by its id.
      const isGone = tenant && tenant.tenant_id !== slug && error instanceof Refusal && error.problem.code === "tenant_not_found";
      if (isGone) location.hash = `#/tenants/${tenant.tenant_id}`;
      throw error;
    });
    tenant = data;
    const status = answer.data;
    const progress = `${status.provisioning_state} ${status.attempt} ${status.completed_steps.length}`;
    shown.head.show([tenant.display_name, tenant.provisioning_state], () => [`${tenant.display_name} `, state(tenant.provisioning_state)]);
    shown.actions.show([tenant, etag], () => actionsOf(tenant, etag, goOnNow));
    shown.record.show(tenant, () => recordFacts(tenant));
    shown.failed.show([status, may("retry-tenant")], () => failure(status, retryOf(tenant, goOnNow)));
    const { lost_domain: domain } = status;
    shown.held.show([tenant.hold, domain], () => [tenant.hold && hold(tenant.hold), domain && lost(domain)]);
    // What runs has grown older.
    shown.steps.show([status, status.provisioning_state === "provisioning" && Date.now()], () => timeline(status));
    purge.hidden = !tenant.purge || !may("get-purge");
    if (!purge.hidden) {
      const now = await ask("get-purge", { tenant: tenant.tenant_id, signal });
      shown.purging.show(now.data, () => purgeStatus(now.data));
    }
    if (version !== etag + progress) {
      if (rest.childElementCount === 0) fill(rest, may("check-tenant") && checkPart(() => tenant, signal), lakehousePart(tenant, signal));
      resources?.reload();
      audit?.reload();
    }
    if (last && last !== progress) {
      const steps = `${status.completed_steps.length} of ${status.steps.length} steps`;
      say(`${tenant.display_name}: ${words(status.provisioning_state)}, ${steps}.`);
    }
    [version, last] = [etag + progress, progress];
    return tenant.provisioning_state === "provisioning" || tenant.purge?.state === "running" ? LIVE : CALM;
  }

  const pace = await look();
  const head = h("div", { class: "head" }, title, actions);
  fill(main, head, failed, held, record, run, purge, resources?.section, rest, audit?.section);
  return () => keepOn(signal, pace, look);
}

/** @param {import("./types.js").Hold} hold */
function hold({ reason, at, by }) {
  return h("section", { class: "busy", "aria-label": "Legal hold" },
    h("h2", null, "Under a legal hold"), h("p", null, reason), h("p", { class: "quiet" }, by, " · ", when(at)));
}

/** @param {string} domain */
function lost(domain) {
  return h("section", { class: "busy", "aria-label": "Lost domain" },
    h("p", null, h("b", null, domain), " is another tenant's by now. Give this one another domain, or none."));
}
