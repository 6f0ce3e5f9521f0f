import { may } from "./account.js";
import { Refusal, ask, newKey } from "./api.js";
import { sameOnACommandLine } from "./commands.js";
import { at, button, fill, h, newId, say } from "./dom.js";
import { Fields, form } from "./forms.js";
import { TIERS } from "./format.js";
import { planOf } from "./purge.js";

/**
 * What can be done to a tenant.
 *
 * @typedef {import("./types.js").TenantRecord} TenantRecord
 * @typedef {import("./forms.js").Values} Values
 * @typedef {{
 *   operation: import("./types.js").Operation, label: string, danger?: boolean, conditional?: boolean,
 *   when: (record: TenantRecord) => boolean,
 *   explain: string,
 *   fields?: (record: TenantRecord) => import("./forms.js").Field[],
 *   typed?: boolean,
 *   body?: (values: Values, record: TenantRecord) => unknown,
 *   args?: (values: Values, record: TenantRecord) => string[],
 *   beside?: (record: TenantRecord) => { element: HTMLElement, update: (values: Values) => void },
 *   done: string,
 * }} Action
 */

/** @param {...string} states @returns {(record: TenantRecord) => boolean} */
const inState = (...states) => (record) => states.includes(record.provisioning_state);
/** @param {TenantRecord} record */
const isRetired = (record) => record.provisioning_state === "deprovisioned" && !record.hold;
/** @param {TenantRecord} record */
const isWaiting = (record) => record.purge?.state === "waiting_approval";
/** @param {TenantRecord} record */
const isPurging = (record) => record.purge?.state === "running" || record.purge?.state === "done";
/** An option of `ivory`, if there is a value. @param {string} name @param {unknown} value */
const option = (name, value) => (value ? [`--${name}=${value}`] : []);

/** @type {import("./forms.js").Field} */
const CONFIRM = { name: "confirm", label: "Type the tenant's slug", help: "So that it is not another one." };

/** @type {Action[]} */
const ACTIONS = [
  {
    operation: "retry-tenant", label: "Retry", when: inState("failed"), done: "The run goes on.",
    explain: "The run goes on after its last completed step. Mend the cause first, if it does not pass on its own.",
  },
  {
    operation: "invite-admin", label: "Invite again", when: inState("active"), done: "The mail was sent.",
    explain: "Sends the admin another mail. Another address takes the place of the present admin's.",
    fields: (record) => [{ name: "admin_email", label: "Another address", type: "email", help: `Empty: ${record.admin_email}` }],
    body: ({ admin_email }) => (admin_email ? { admin_email } : {}),
    args: ({ admin_email }) => option("admin", admin_email),
  },
  {
    operation: "update-tenant", label: "Change", when: inState("active"), conditional: true, done: "It is changed.",
    explain: "Another tier changes what is billed, at once.",
    fields: (record) => [
      { name: "tier", label: "Tier", options: TIERS, value: record.tier },
      { name: "display_name", label: "Name", value: record.display_name },
      { name: "custom_domain", label: "Own domain", value: record.custom_domain ?? "", help: "Empty: none" },
    ],
    body: changes,
    args: (values, record) => {
      const { tier, display_name, custom_domain } = changes(values, record);
      const none = custom_domain === null ? ["--no-custom-domain"] : [];
      return [...option("tier", tier), ...option("display-name", display_name), ...option("custom-domain", custom_domain), ...none];
    },
  },
  {
    operation: "invalidate-tenant-cache", label: "Drop cache entries", when: inState("active"), done: "The cache has no entries of it.",
    explain: "The middleware reads the tenant anew.",
  },
  {
    operation: "deactivate-tenant", label: "Deactivate", danger: true, typed: true, conditional: true, done: "The tenant is switched off.",
    when: inState("active", "failed", "provisioning"), args: () => ["--yes"],
    explain: "The tenant is switched off, and its subscription is cancelled. What it has is kept.",
  },
  {
    operation: "restore-tenant", label: "Restore", conditional: true, done: "The tenant is coming back.",
    when: (record) => isRetired(record) && !record.purge?.no_return_at && !isPurging(record),
    explain: "A new run begins at step 1 and adopts what is there. What the deactivation ended is made anew.",
  },
  {
    operation: "hold-tenant", label: "Legal hold", conditional: true, when: () => true, done: "The tenant is under a hold.",
    explain: "Nothing of the tenant is deleted while it is under a hold, whoever asks for it.",
    fields: (record) => [{ name: "reason", label: "Reason", value: record.hold?.reason }],
    body: ({ reason }) => ({ reason }),
    args: ({ reason }) => option("reason", reason),
  },
  {
    operation: "release-tenant-hold", label: "Release the hold", conditional: true, when: (record) => Boolean(record.hold),
    done: "The hold is released.", explain: "From then on the tenant can be restored or purged again.",
  },
  {
    operation: "purge-tenant", label: "Purge", danger: true, conditional: true, done: "The purge is written down.",
    when: (record) => isRetired(record) && !isWaiting(record) && !isPurging(record),
    explain: "Everything below is deleted for good, but for what the plan keeps.",
    fields: () => [
      { name: "customer", label: "Customer at Stripe", options: { keep: "Keep, with its invoices", delete: "Delete" } },
      { name: "data", label: "Data in the lakehouse", options: { drop: "Drop", keep: "Keep, and name it" } },
      { name: "reason", label: "Reason", help: "Only for a paid tier before its 30 days are over. Somebody else then has to approve." },
      CONFIRM,
    ],
    body: ({ customer, data, reason, confirm }) => ({ confirm, customer, data, ...(reason ? { reason } : {}) }),
    args: ({ customer, data, reason }) => [...option("customer", customer), ...option("data", data), ...option("reason", reason), "--yes"],
    beside: planOf,
  },
  {
    operation: "approve-purge", label: "Approve the purge", danger: true, conditional: true, when: isWaiting, done: "The purge begins.",
    explain: "Whoever asked for the purge cannot approve it, with whichever key.",
    fields: () => [CONFIRM],
    body: ({ confirm }) => ({ confirm }),
    args: () => ["--yes"],
  },
];

/** What differs from the record. @param {Values} values @param {TenantRecord} record */
function changes(values, record) {
  /** @type {Record<string, string | null>} */
  const changed = {};
  for (const name of /** @type {const} */ (["tier", "display_name", "custom_domain"])) {
    if (values[name] !== (record[name] ?? "")) changed[name] = String(values[name]) || null;
  }
  return changed;
}

/**
 * Buttons for what the caller may do to this tenant as it is now.
 *
 * @param {TenantRecord} record
 * @param {string | null} etag
 * @param {() => void} after
 */
export function actionsOf(record, etag, after) {
  const possible = ACTIONS.filter((action) => may(action.operation) && action.when(record));
  return possible.map((action) => {
    const open = () => openAction(action, record, etag, after);
    return button(`${action.label}…`, open, action.danger ? "danger" : "");
  });
}

/** Only the way to go on after a failure. @param {TenantRecord} record @param {() => void} after */
export function retryOf(record, after) {
  return may("retry-tenant") && button("Retry…", () => openAction(ACTIONS[0], record, null, after), "main");
}

/** Repairs what a check found broken. @param {TenantRecord} record @param {string[]} broken @param {(done: any) => void} after */
export function repairOf(record, broken, after) {
  /** @type {Action} */
  const repair = {
    operation: "repair-tenant", label: "Repair", when: inState("active"), done: "The repair has ended.",
    explain: "Brings back what the steps made, without losing data.",
    fields: () => broken.map((name) => ({ name, label: name.replaceAll("_", " "), check: true })),
    body: (values) => ({ resources: broken.filter((name) => values[name]) }),
    args: (values) => broken.filter((name) => values[name]),
  };
  return may(repair.operation) && repair.when(record) && button("Repair…", () => openAction(repair, record, null, after), "main");
}

/**
 * Asks once more, with what will be sent, and sends it.
 *
 * @param {Action} action
 * @param {TenantRecord} record
 * @param {string | null} etag
 * @param {(answer: any) => void} after
 */
function openAction(action, record, etag, after) {
  const fields = new Fields([...(action.fields?.(record) ?? []), ...(action.typed ? [CONFIRM] : [])]);
  const [id, commands, beside] = [newId(), h("div"), action.beside?.(record)];
  let [once, sent] = [newKey(), ""];

  /** @param {Values} values @returns {import("./api.js").Call<any>} */
  const callOf = (values) => ({ tenant: record.slug, body: action.body?.(values, record), etag: action.conditional ? etag : null });
  /** @param {Values} values */
  function changed(values) {
    beside?.update(values);
    fill(commands, sameOnACommandLine(action.operation, callOf(values), [record.slug, ...(action.args?.(values, record) ?? [])]));
  }
  /** @param {Values} values */
  async function send(values) {
    if (action.typed && values.confirm !== record.slug) {
      fields.show([{ field: "confirm", message: "must be the tenant's slug" }]);
      return;
    }
    const call = callOf(values);
    // The same request keeps its key: if its answer was lost, it happens once all the same.
    if (JSON.stringify(call.body) !== sent) once = newKey();
    sent = JSON.stringify(call.body);
    try {
      const answer = await ask(action.operation, { ...call, once });
      dialog.close();
      say(action.done);
      after(answer.data);
    } catch (error) {
      if (error instanceof Refusal && error.problem.status < 500) once = newKey();
      if (error instanceof Refusal && error.problem.status === 412) ({ etag } = await ask("get-tenant", { tenant: record.slug }));
      throw error;
    }
  }

  const close = () => dialog.close();
  function closed() {
    dialog.remove();
    // What opened it may be gone.
    if (document.activeElement === document.body) at("main").focus();
  }
  const extra = [beside?.element, h("details", null, h("summary", null, "The same on a command line"), commands)];
  const dialog = h("dialog", { "aria-labelledby": id, onclose: closed },
    h("h2", { id }, `${action.label}: ${record.slug}`), h("p", null, action.explain),
    form({ fields, submit: action.label, danger: action.danger, send, extra, cancel: close, changed }));
  changed(fields.values());
  document.body.append(dialog);
  dialog.showModal();
}
