import { ask, useCredential } from "./api.js";
import { at, button, facts, fill, h, part } from "./dom.js";
import { Fields, form } from "./forms.js";
import { when } from "./format.js";
import { ROUTES } from "./routes.js";

/**
 * Whose credentials these are, as the API says.
 *
 * @type {{ key: import("./types.js").KeyHolder | null, token: import("./types.js").TokenHolder | null }}
 */
const holders = { key: null, token: null };

/** Whether somebody is signed in. */
export function isSignedIn() {
  return holders.key !== null || holders.token !== null;
}

/** Whether they may call an operation. What they may not do is not offered, and the server refuses it anyway. @param {string} operation */
export function may(operation) {
  return Object.hasOwn(ROUTES, operation) && [holders.key, holders.token].some((holder) => holder?.operations.includes(operation));
}

/** Forgets a credential. @param {"key" | "token"} kind */
export function forget(kind) {
  useCredential(kind, "");
  holders[kind] = null;
}

/**
 * The form to sign in with, or to add the other credential.
 *
 * @param {() => void} entered
 */
function entrance(entered) {
  const fields = new Fields([
    { name: "key", label: "API key", type: "password", help: "For tenants, systems and the audit log." },
    { name: "token", label: "Token", type: "password", help: "For the lakehouse: a JWT of your issuer. Not needed for the rest." },
  ]);
  /** @param {import("./forms.js").Values} typed */
  async function send({ key, token }) {
    if (!key && !token) return void fields.show([{ field: "key", message: "is required, or a token" }]);
    if (key) holders.key = await enter("key", "get-caller", String(key));
    if (token) holders.token = await enter("token", "get-lakehouse-caller", String(token));
    entered();
  }
  return form({ fields, submit: "Sign in", send });
}

/** Takes a credential that the API knows. A wrong one ends nothing. @template {"get-caller" | "get-lakehouse-caller"} Name @param {"key" | "token"} kind @param {Name} operation @param {string} text */
async function enter(kind, operation, text) {
  const { data } = await ask(operation, { credential: text });
  useCredential(kind, text);
  return data;
}

/** The first page. @param {HTMLElement} main @param {string} why Why it is shown again. @param {() => void} entered */
export function signIn(main, why, entered) {
  fill(main, h("h1", { tabindex: "-1" }, "Sign in"), why && h("div", { class: "card busy", role: "alert" }, why),
    h("div", { class: "card" }, entrance(entered),
      h("p", { class: "quiet" }, "What you type stays in the memory of this page. It ends when you reload or close it.")));
}

/** Who is signed in, and what they may do. @param {HTMLElement} main @param {() => void} entered @param {() => void} left */
export function accountView(main, entered, left) {
  const [whose, body] = part("What you may do", button("Sign out", left));
  const { key, token } = holders;
  const list = (/** @type {string[]} */ operations) => h("ul", null, operations.map((name) => h("li", null, h("code", null, name))));
  if (key) {
    const rows = facts([["Name", key.name], ["Groups", key.groups.join(", ") || "none"]]);
    fill(body, h("h3", null, "With the API key"), rows, list(key.operations));
  }
  if (token) {
    const rows = facts([
      ["Name", token.name],
      ["Issuer", token.issuer],
      ["Roles", token.roles.join(", ") || "none"],
      ["Ends", when(token.expires_at)],
    ]);
    body.append(h("h3", null, "With the token"), rows, list(token.operations));
  }
  const [other, form] = part("Another credential");
  fill(form, entrance(entered));
  fill(main, h("h1", { tabindex: "-1" }, "Your account"), whose, other);
}

/** Who is signed in, in the page's head. @param {() => void} left */
export function showWho(left) {
  const name = holders.key?.name ?? holders.token?.name;
  const rights = holders.key?.groups ?? holders.token?.roles ?? [];
  const account = h("a", { href: "#/account" }, `${name} (${rights.join(", ") || "no group"})`);
  fill(at("who"), isSignedIn() && h("p", { class: "row" }, account, button("Sign out", left)));
}
