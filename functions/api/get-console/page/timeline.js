import { h } from "./dom.js";
import { colour, duration, explained, since, state, when } from "./format.js";

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

/**
 * One step, of a run or of a purge.
 *
 * @param {import("./types.js").StepStatus | import("./types.js").PurgeStepStatus} it
 * @param {number} index
 */
export function step(it, index) {
  const runs = it.state === "running" || it.state === "waiting";
  const took = it.started_at && (it.finished_at || runs) ? since(it.started_at) - (it.finished_at ? since(it.finished_at) : 0) : null;
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
