import { pathOf } from "./api.js";
import { copyable } from "./dom.js";
import { OF_THE_LAKEHOUSE, ROUTES } from "./routes.js";

/** A word that a shell takes as it is. @param {string} word */
function quoted(word) {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * What does the same on a command line. Credentials stay out of it: both lines read them from the environment.
 *
 * @param {import("./types.js").Operation} operation
 * @param {import("./api.js").Call<any>} call
 * @param {string[]} args What follows the command of `ivory`.
 */
export function sameOnACommandLine(operation, call, args) {
  const [method, , command] = ROUTES[operation];
  const credential = OF_THE_LAKEHOUSE.has(operation) ? '"Authorization: Bearer $IVORY_TOKEN"' : '"X-API-Key: $IVORY_API_KEY"';
  const curl = ["curl", method === "GET" ? "" : `-X ${method}`, `-H ${credential}`];
  if (call.etag) curl.push(`-H ${quoted(`If-Match: ${call.etag}`)}`);
  if (call.body !== undefined) curl.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(call.body))}`);
  const url = `"$IVORY_URL"${quoted(pathOf(operation, call))}`;
  return [
    copyable("ivory", ["ivory", command, ...args.map(quoted)].join(" ")),
    copyable("curl", [...curl.filter((word) => word), url].join(" ")),
  ];
}
