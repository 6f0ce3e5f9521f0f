import { may } from "./account.js";
import { ask } from "./api.js";
import { copyable, facts, fill, h, table } from "./dom.js";
import { trouble } from "./forms.js";
import { explained, state, when, words } from "./format.js";
import { step } from "./timeline.js";

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
      if (mine === last) fill(element, planned(plan.data));
    } catch (error) {
      if (mine === last) fill(element, trouble(error));
    }
  }
  return { element, update };
}

/** @type {import("./dom.js").Column<import("./types.js").PlannedResource>[]} */
const PLANNED = [
  { title: "What", cell: (it) => words(it.kind) },
  { title: "Name", cell: (it) => it.name },
  { title: "Then", cell: (it) => [state(it.action), it.why && h("p", { class: "quiet" }, it.why)] },
  { title: "Way back", cell: (it) => (it.reversible ? "a restore" : "none") },
  { title: "Cost until then", cell: (it) => it.cost ?? "nobody" },
];

/** @param {import("./types.js").PurgePlan} plan */
function planned(plan) {
  const needs = [plan.needs_reason && "a reason", plan.needs_approval && "somebody else's approval"].filter((need) => need);
  const rows = facts([
    ["Now", plan.may_begin ? "It may begin." : h("b", { class: "wrong" }, `It cannot begin: ${words(plan.obstacle ?? "")}.`)],
    ["Data can be retrieved until", when(plan.retrieval_until)],
    ["It needs", needs.join(", ") || "nothing else"],
    ["No way back from", words(plan.point_of_no_return)],
    ["Kept in any case", plan.kept.join("; ")],
  ]);
  return [h("h3", null, "The plan"), rows, table("What would become of each resource", PLANNED, plan.resources)];
}

/** @type {import("./dom.js").Column<import("./types.js").ProvedItem>[]} */
const PROVED = [
  { title: "What", cell: (it) => words(it.kind) },
  { title: "Name", cell: (it) => [it.name, it.external_id && h("p", { class: "quiet" }, it.external_id)] },
  { title: "Became", cell: (it) => [state(it.outcome), it.why && ` ${it.why}`, it.until && h("p", null, when(it.until))] },
  { title: "Its system said", cell: (it) => it.answered },
  { title: "Asked", cell: (it) => when(it.asked_at) },
];

/** A purge as it is now, and its certificate. @param {import("./types.js").PurgeStatus} purge */
export function purgeStatus(purge) {
  return [
    facts([
      ["State", state(purge.state)],
      ["Asked for by", `${purge.requested_by}${purge.reason ? `, because: ${purge.reason}` : ""}`],
      ["Asked for", when(purge.requested_at)],
      ["Approved by", purge.approved_by],
      ["Customer at Stripe", purge.policies.customer],
      ["Data in the lakehouse", purge.policies.data],
      ["No way back from", words(purge.point_of_no_return)],
      ["That began", when(purge.no_return_at)],
      ["Ended", when(purge.finished_at)],
      ["The slug is", purge.slug_released ? "free" : "reserved"],
    ]),
    purge.cause && h("div", { class: "card bad" }, explained(purge.cause)),
    h("ol", { class: "steps" }, purge.steps.map(step)),
    purge.items.length ? table("What is proved", PROVED, purge.items) : null,
    purge.certificate ? copyable("Certificate, for ivory purge verify", JSON.stringify(purge.certificate, null, 2)) : null,
  ];
}
