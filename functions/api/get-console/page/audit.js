import { fill, h, say } from "./dom.js";
import { Fields, form } from "./forms.js";
import { loadingList } from "./lists.js";
import { AUDIT } from "./parts.js";

/** Who changed what, of all tenants. @param {HTMLElement} main @param {AbortSignal} signal */
export async function auditView(main, signal) {
  const fields = new Fields([
    { name: "actor", label: "Who" },
    { name: "action", label: "What", help: "Such as tenant.create" },
    { name: "since", label: "Since", help: "Such as 2026-03-24T10:00:00Z" },
    { name: "until", label: "Until" },
    { name: "request_id", label: "Request" },
  ]);
  const results = h("div");
  /** @param {import("./forms.js").Values} values */
  async function list(values) {
    const query = { .../** @type {Record<string, string>} */ (values), limit: "100" };
    const { element, loaded } = loadingList("Audit log", "list-audit", { query, signal }, AUDIT, "No such changes.");
    fill(results, element);
    say((await loaded) ?? "");
  }
  const filter = h("details", { class: "card" }, h("summary", null, "Filter"), form({ fields, submit: "Show", send: list }));
  fill(main, h("h1", { tabindex: "-1" }, "Audit log"), filter, results);
  await list({});
}
