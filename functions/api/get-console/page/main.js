import { accountView, forget, isSignedIn, may, showWho, signIn } from "./account.js";
import { listen } from "./api.js";
import { auditView } from "./audit.js";
import { createView } from "./create.js";
import { at, button, fill, goOnNow, h } from "./dom.js";
import { trouble } from "./forms.js";
import { lakehouseView } from "./lakehouse.js";
import { overviewView } from "./overview.js";
import { tenantView } from "./tenant.js";
import { tenantsView } from "./tenants.js";

/**
 * Which view an address leads to, what is needed for it, and its place in the head. A view that goes on after it is shown
 * returns how.
 *
 * @type {{ path: RegExp, needs: string | null, nav?: [href: string, text: string],
 *   view: (main: HTMLElement, signal: AbortSignal, word: string) => Promise<void | (() => Promise<void>)> }[]}
 */
const VIEWS = [
  { path: /^#\/$/, needs: "list-tenants", nav: ["#/", "Overview"], view: overviewView },
  { path: /^#\/tenants\/(?:\?(\w+))?$/, needs: "list-tenants", nav: ["#/tenants/", "Tenants"], view: tenantsView },
  { path: /^#\/tenants\/(?!\.+$)(.+)$/, needs: "get-tenant", view: tenantView },
  { path: /^#\/create$/, needs: "provision-tenant", nav: ["#/create", "Create"], view: createView },
  { path: /^#\/audit$/, needs: "list-audit", nav: ["#/audit", "Audit"], view: auditView },
  { path: /^#\/lakehouse$/, needs: null, nav: ["#/lakehouse", "Lakehouse"], view: lakehouseView },
  { path: /^#\/account$/, needs: null, view: async (main) => accountView(main, show, () => leave("")) },
];

let current = new AbortController();

/** Shows what the address says. */
async function show() {
  current.abort();
  const mine = (current = new AbortController());
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  showWho(() => leave(""));
  const known = VIEWS.filter(({ needs }) => needs === null || may(needs));
  const isHere = (/** @type {RegExp} */ path) => path.test(location.hash || "#/");
  const links = known.map(({ nav, path }) => nav && h("a", { href: nav[0], "aria-current": isHere(path) && "page" }, nav[1]));
  fill(at("nav"), isSignedIn() && links);
  // The view is made aside: nobody sees half of it.
  const main = h("div");
  let goOn;
  if (!isSignedIn()) {
    signIn(main, farewell, show);
  } else {
    at("main").setAttribute("aria-busy", "true");
    const found = known.find(({ path }) => isHere(path)) ?? VIEWS[VIEWS.length - 1];
    const word = found.path.exec(location.hash)?.[1] ?? "";
    try {
      goOn = await found.view(main, mine.signal, decodeURIComponent(word));
    } catch (error) {
      if (!mine.signal.aborted) fill(main, h("h1", { tabindex: "-1" }, "That did not work"), trouble(error), button("Try again", show));
    }
  }
  if (mine.signal.aborted) return;
  fill(at("main"), ...main.childNodes);
  at("main").removeAttribute("aria-busy");
  const title = at("main").querySelector("h1");
  document.title = `${title?.textContent} · Console`;
  title?.focus();
  if (isSignedIn()) farewell = "";
  await goOn?.();
}

/** Why somebody is at the form to sign in again. */
let farewell = "";

/** Ends what was begun with a key. @param {string} reason */
function leave(reason) {
  farewell = reason;
  forget("key");
  forget("token");
  show();
}

listen(
  (trouble, release) => {
    if (at("banner").textContent !== trouble) at("banner").textContent = trouble;
    if (release) at("release").textContent = `Release ${release}`;
  },
  (ofTheLakehouse) => {
    if (!isSignedIn()) return;
    if (ofTheLakehouse) forget("token");
    if (ofTheLakehouse && isSignedIn()) return;
    leave(`Your ${ofTheLakehouse ? "token" : "API key"} is not accepted any more. Sign in again to go on where you were.`);
  },
);
// An address of its own would be another view.
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  at("main").focus();
});
document.addEventListener("visibilitychange", goOnNow);
// A browser may keep a page that somebody has left, to go back to.
addEventListener("pagehide", () => leave(""));
addEventListener("hashchange", show);
show();
