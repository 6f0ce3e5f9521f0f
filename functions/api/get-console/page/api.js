import { OF_ANYBODY, OF_THE_LAKEHOUSE, ROUTES } from "./routes.js";

/**
 * The one place that talks to the API. It also holds the credentials, in memory and nowhere else: they end with the page.
 *
 * @typedef {import("./types.js").Operation} Operation
 */

/**
 * What a call is made of. `credential` is tried in the place of the one in use.
 *
 * @template {Operation} Name
 * @typedef {{ tenant?: string, query?: import("./types.js").QueryOf<Name>, body?: unknown, etag?: string | null, once?: string,
 *   next?: string, signal?: AbortSignal, credential?: string }} Call
 */

/**
 * @template {Operation} Name
 * @typedef {{ data: import("./types.js").DataOf<Name>, etag: string | null, next: string | null }} Answer
 */

/** What is before `/v1/console` in this page's address: a stage or a base path, if there is one. */
const BASE = location.pathname.replace(/\/v1\/console\/?$/, "");
/** How long to wait for an answer. The slowest route is given 26 seconds. */
const PATIENCE = 29_000;
const credentials = { key: "", token: "" };

/** Called after each call, with why the server could not be reached, or with nothing and the release that answered. @type {(why: string, release?: string | null) => void} */
let onReach = () => {};
/** Called when a credential counts no more. @type {(lakehouse: boolean) => void} */
let onEnd = () => {};

/** A refusal, as the API explains it. */
export class Refusal extends Error {
  /** @param {import("./types.js").Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

/** There was no answer, so nobody knows whether something happened. */
export class Unreachable extends Error {}

/** @param {typeof onReach} reached @param {typeof onEnd} ended */
export function listen(reached, ended) {
  onReach = reached;
  onEnd = ended;
}

/** @param {"key" | "token"} kind @param {string} text */
export function useCredential(kind, text) {
  credentials[kind] = text;
}

/** A new idempotency key: the same request with the same key happens once. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "console-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The path of a call.
 *
 * @template {Operation} Name
 * @param {Name} operation
 * @param {Call<Name>} call
 */
export function pathOf(operation, call) {
  const query = Object.entries(call.query ?? {}).filter(([, value]) => value !== "");
  const search = query.length ? "?" + new URLSearchParams(query) : "";
  return ROUTES[operation][1].replace("{tenant}", encodeURIComponent(call.tenant ?? "")) + search;
}

/** @template {Operation} Name @param {Name} operation @param {Call<Name>} call */
function headersOf(operation, call) {
  const headers = new Headers({ accept: "application/json" });
  if (OF_THE_LAKEHOUSE.has(operation)) {
    headers.set("authorization", `Bearer ${call.credential ?? credentials.token}`);
  } else if (!OF_ANYBODY.has(operation)) {
    headers.set("x-api-key", call.credential ?? credentials.key);
  }
  if (call.body !== undefined) headers.set("content-type", "application/json");
  if (call.etag) headers.set("if-match", call.etag);
  if (call.once && /POST|PATCH/.test(ROUTES[operation][0])) headers.set("idempotency-key", call.once);
  return headers;
}

/**
 * Calls an operation.
 *
 * @template {Operation} Name
 * @param {Name} operation
 * @param {Call<Name>} [call]
 * @returns {Promise<Answer<Name>>}
 */
export async function ask(operation, call = {}) {
  const { signal } = call;
  const headers = headersOf(operation, call);
  let response, text;
  try {
    response = await fetch(BASE + (call.next ?? pathOf(operation, call)), {
      method: ROUTES[operation][0],
      headers,
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    onReach("The server does not answer.");
    throw new Unreachable("The server does not answer. Nobody knows yet whether the request was done.");
  }
  const data = parsed(text);
  if (response.ok || (operation === "check-lakehouse-health" && data?.status)) {
    onReach("", response.headers.get("x-ivory-version"));
    const next = /<([^>]*)>; rel="next"/.exec(response.headers.get("link") ?? "");
    return { data, etag: response.headers.get("etag"), next: next && next[1] };
  }
  onReach(response.status >= 500 ? `The server answers with an error (${response.status}).` : "");
  if (response.status === 401 && !call.credential) onEnd(OF_THE_LAKEHOUSE.has(operation));
  const nothing = { type: "", code: "", request_id: "", title: "An answer that is none of the API's", status: response.status };
  throw new Refusal({ ...nothing, detail: `HTTP ${response.status}`, ...data });
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
