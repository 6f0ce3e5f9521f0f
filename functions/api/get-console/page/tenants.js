import { may } from "./account.js";
import { fill, h, say } from "./dom.js";
import { Fields } from "./forms.js";
import { REGIONS, STATES, TIERS, state, toTenant, when } from "./format.js";
import { loadingList } from "./lists.js";

/** @type {import("./dom.js").Column<import("./types.js").ListedTenant>[]} */
const COLUMNS = [
  { title: "Tenant", cell: (it) => [toTenant(it.slug, it.display_name), h("p", { class: "quiet" }, it.slug)] },
  { title: "State", cell: (it) => state(it.provisioning_state) },
  { title: "Tier", cell: (it) => TIERS[it.tier] ?? it.tier },
  { title: "Region", cell: (it) => it.region },
  { title: "Since", cell: (it) => when(it.provisioned_at) },
];
const PAGE = "200";
/** How long to wait for the next letter. */
const TYPING = 250;

/** All tenants. @param {HTMLElement} main @param {AbortSignal} signal @param {string} [state] One state only, to begin with. */
export async function tenantsView(main, signal, state = "") {
  const any = (/** @type {Record<string, string>} */ options) => ({ "": "any", ...options });
  const named = (/** @type {Record<string, string>} */ options) => Object.fromEntries(Object.keys(options).map((name) => [name, name]));
  const fields = new Fields([
    { name: "q", label: "Search", type: "search", help: "" },
    { name: "provisioning_state", label: "State", options: any(named(STATES)), value: state },
    { name: "tier", label: "Tier", options: any(TIERS) },
    { name: "region", label: "Region", options: any(named(REGIONS)) },
  ]);
  fields.element.className = "row";
  const results = h("div");
  /** @type {AbortController | undefined} */
  let listing;
  let timer = 0;
  async function list() {
    listing?.abort();
    listing = new AbortController();
    const query = { .../** @type {Record<string, string>} */ (fields.values()), limit: PAGE };
    const both = AbortSignal.any([listing.signal, signal]);
    const { element, loaded } = loadingList("Tenants", "list-tenants", { query, signal: both }, COLUMNS, "No tenants.");
    fill(results, element);
    say((await loaded) ?? "");
  }
  const later = () => {
    clearTimeout(timer);
    timer = window.setTimeout(list, TYPING);
  };
  const create = may("provision-tenant") && h("a", { class: "button", href: "#/create" }, "Create a tenant");
  const onsubmit = (/** @type {Event} */ event) => event.preventDefault();
  const search = h("form", { class: "card", role: "search", oninput: later, onsubmit }, fields.element);
  fill(main, h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Tenants"), create), search, results);
  await list();
}
