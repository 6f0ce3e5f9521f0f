import { facts, h } from "./dom.js";
import { colour, duration, explained, since, state, when, words } from "./format.js";

/** The nine steps of a run. @param {import("./types.js").Status} status */
export function timeline(status) {
  const done = status.completed_steps.length;
  const summary = `${done} of ${status.steps.length} steps are completed, in attempt ${status.attempt}.`;
  return [
    h("p", null, summary),
    h("progress", { max: status.steps.length, value: done, "aria-label": summary }),
    h("ol", { class: "steps" }, status.steps.map(step)),
  ];
}

/** @param {import("./types.js").StepStatus} it @param {number} index */
function step(it, index) {
  const runs = it.state === "running" || it.state === "waiting";
  const took = it.duration_ms ?? (runs && it.started_at ? since(it.started_at) : null);
  return h("li", { class: colour(it.state), "data-step": it.id },
    h("div", { class: "head" }, h("b", null, `${index + 1}. ${it.name.replaceAll("-", " ")}`),
      h("span", null, state(it.state), took !== null && ` ${duration(took)}`)),
    it.attempts > 1 && h("p", { class: "quiet" }, `${it.attempts} attempts`),
    it.waiting_for && h("p", null, `It waits for ${it.waiting_for}.`),
    it.next_retry_at && h("p", { class: "quiet" }, "It is tried again at ", when(it.next_retry_at)),
    // A failed step is explained above the list.
    it.cause && it.state !== "failed" && h("div", { class: "card busy" }, explained(it.cause)));
}

/**
 * What made a run fail, who can mend it, and the way on.
 *
 * @param {import("./types.js").Status} status
 * @param {import("./dom.js").Child} retry
 */
export function failure(status, retry) {
  if (status.provisioning_state !== "failed") return [];
  const failed = status.steps.filter((step) => step.state === "failed");
  const titles = failed.map((step) => step.name.replaceAll("-", " ")).join(", ");
  return h("section", { class: "bad", "aria-label": "Why it failed" },
    h("h2", null, titles ? `It failed at: ${titles}` : "It failed"),
    failed.map((step) => (step.cause ? h("div", null, explained(step.cause)) : null)),
    failed.every((step) => !step.cause) && h("p", null, status.last_error),
    h("p", null, retry));
}

/** What is answered with a shape that a later release may widen. @param {unknown} value @returns {import("./dom.js").Child} */
export function anything(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return when(value);
  if (Array.isArray(value)) return value.length ? h("ul", null, value.map((item) => h("li", null, anything(item)))) : "none";
  if (typeof value === "object") return facts(Object.entries(value).map(([name, item]) => [words(name), anything(item)]));
  return String(value);
}
