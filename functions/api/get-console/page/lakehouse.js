import { may } from "./account.js";
import { ask } from "./api.js";
import { fill, h, part } from "./dom.js";
import { state, toTenant, when } from "./format.js";
import { loadingList } from "./lists.js";
import { TARGETS } from "./parts.js";

/** @type {import("./dom.js").Column<import("./types.js").CatalogRecord>[]} */
const CATALOGS = [
  { title: "Tenant", cell: (it) => toTenant(it.tenant_slug) },
  { title: "Catalog", cell: (it) => it.catalog_name },
  { title: "Type", cell: (it) => it.catalog_type },
  { title: "Where", cell: (it) => [it.catalog_uri, h("p", { class: "quiet" }, it.warehouse, it.storage_prefix)] },
  { title: "In use", cell: (it) => (it.is_active ? "yes" : "no") },
  { title: "Changed", cell: (it) => when(it.updated_at) },
];

/** The lakehouse. @param {HTMLElement} main @param {AbortSignal} signal */
export async function lakehouseView(main, signal) {
  const { data: health } = await ask("check-lakehouse-health", { signal });
  const [gateway, body] = part("Gateway");
  fill(body, state(health.status), "error" in health ? ` ${health.error}` : ` after ${health.latency_ms} ms`);
  /** @param {string} title @param {"list-catalogs" | "list-sync-targets"} operation @param {import("./dom.js").Column<any>[]} columns */
  const list = (title, operation, columns) => {
    const [section, body] = part(title);
    if (may(operation)) fill(body, loadingList(title, operation, { query: { limit: "100" }, signal }, columns, "None.").element);
    else fill(body, "A token is needed to see them: ", h("a", { href: "#/account" }, "sign in with one"), ".");
    return section;
  };
  const lists = [list("Catalogs", "list-catalogs", CATALOGS), list("Sync targets", "list-sync-targets", TARGETS)];
  fill(main, h("h1", { tabindex: "-1" }, "Lakehouse"), gateway, lists);
}
