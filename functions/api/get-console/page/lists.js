import { ask } from "./api.js";
import { button, h, line, say, table } from "./dom.js";
import { trouble } from "./forms.js";

/**
 * A list of the API that loads on: at its end by itself, and by a button. `loaded` says how many the first page has.
 *
 * @template {"list-tenants" | "list-audit" | "list-tenant-audit" | "list-catalogs" | "list-sync-targets"} Name
 * @param {string} caption
 * @param {Name} operation
 * @param {import("./api.js").Call<Name>} call
 * @param {import("./dom.js").Column<import("./types.js").RowOf<Name>>[]} columns
 * @param {string} none What is said if there is nothing.
 */
export function loadingList(caption, operation, call, columns, none) {
  const whole = table(caption, columns, []);
  const body = /** @type {HTMLElement} */ (whole.querySelector("tbody"));
  const count = h("p", { class: "quiet" }, "Loading…");
  const loadOn = async () => say((await load()) ?? "");
  const more = button("Load more", loadOn);
  const wrong = h("div");
  /** @type {string | null} */
  let next = null;
  let busy = false;

  async function load() {
    if (busy) return;
    busy = true;
    try {
      const answer = await ask(operation, { ...call, next: next ?? undefined });
      next = answer.next;
      const rows = /** @type {import("./types.js").RowOf<Name>[]} */ (answer.data);
      body.append(...rows.map((row) => line(columns, row)));
      const shown = body.childElementCount;
      count.textContent = shown === 0 ? none : `${shown} shown${next ? ", and there are more" : ", which are all"}.`;
      wrong.replaceChildren();
    } catch (error) {
      if (call.signal?.aborted) return;
      wrong.replaceChildren(trouble(error));
      count.textContent = "";
    } finally {
      busy = false;
    }
    whole.hidden = body.childElementCount === 0;
    // After a failure it tries again.
    more.hidden = next === null && wrong.childElementCount === 0;
    return count.textContent;
  }

  whole.hidden = more.hidden = true;
  const observer = new IntersectionObserver((seen) => {
    if (seen.some((entry) => entry.isIntersecting) && next !== null && wrong.childElementCount === 0) loadOn();
  });
  observer.observe(more);
  call.signal?.addEventListener("abort", () => observer.disconnect());
  return { element: h("div", null, count, whole, wrong, more), loaded: load() };
}
