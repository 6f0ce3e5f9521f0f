/**
 * @typedef {Node | string | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Properties
 */

/**
 * An element. Text is only ever text: nothing that somebody wrote into a tenant becomes markup. A property that begins with `on`
 * listens, any other one is an attribute.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties | null} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  fill(element, ...children);
  return element;
}

/** Puts these in the place of what is in an element. @param {Element} element @param {...(Child | Child[])} children */
export function fill(element, ...children) {
  const shown = /** @type {(Node | string)[]} */ (children.flat().filter((child) => child || child === ""));
  element.replaceChildren(...shown);
}

/** @param {string} id @returns {HTMLElement} */
export function at(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Says something to whoever listens to the page. @param {string} text */
export function say(text) {
  at("said").textContent = text;
}

let ids = 0;

/** An id that no other element has. */
export function newId() {
  ids += 1;
  return `id-${ids}`;
}

/**
 * A part of the page with a heading. The second element is where its content goes.
 *
 * @param {string} title
 * @param {...Child} beside What stands beside the heading.
 * @returns {[section: HTMLElement, body: HTMLElement]}
 */
export function part(title, ...beside) {
  const [id, body] = [newId(), h("div")];
  const head = h("div", { class: "head" }, h("h2", { id }, title), ...beside);
  return [h("section", { "aria-labelledby": id }, head, body), body];
}

/** Names and values. @param {[name: string, value: Child][]} rows */
export function facts(rows) {
  const known = rows.filter(([, value]) => value || value === "");
  return h("dl", null, known.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

/**
 * @template Row
 * @typedef {{ title: string, cell: (row: Row) => Child | Child[] }} Column
 */

/**
 * A table that scrolls within itself on a narrow screen.
 *
 * @template Row
 * @param {string} caption
 * @param {Column<Row>[]} columns
 * @param {Row[]} rows
 */
export function table(caption, columns, rows) {
  const head = h("tr", null, columns.map((column) => h("th", { scope: "col" }, column.title)));
  const body = h("tbody", null, rows.map((row) => line(columns, row)));
  const whole = h("table", null, h("caption", { class: "hidden" }, caption), h("thead", null, head), body);
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, whole);
}

/** @template Row @param {Column<Row>[]} columns @param {Row} row */
export function line(columns, row) {
  return h("tr", null, columns.map((column) => h("td", null, column.cell(row))));
}

/** A button. @param {string} text @param {(event: Event) => void} onclick @param {string} [kind] */
export function button(text, onclick, kind) {
  return h("button", { type: "button", class: kind, onclick }, text);
}

/** A text to copy. @param {string} label @param {string} text */
export function copyable(label, text) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text).then(() => say(`${label} copied.`), () => say("The browser does not let the page copy."));
  });
  copy.setAttribute("aria-label", `Copy: ${label}`);
  return h("div", { class: "field" }, h("div", { class: "head" }, h("b", null, label), copy), h("pre", null, text));
}

/** Renders into an element only if what is shown has changed, so that selection stays. Focus goes to what says the same. */
export class Shown {
  /** @param {Element} element */
  constructor(element) {
    this.element = element;
    this.last = "";
  }

  /** @param {unknown} data @param {() => Child | Child[]} render */
  show(data, render) {
    const now = JSON.stringify(data);
    if (now === this.last) return;
    this.last = now;
    const focused = this.element.contains(document.activeElement) && document.activeElement?.textContent;
    fill(this.element, render());
    if (focused) {
      const same = [...this.element.querySelectorAll("a, button")].find((it) => it.textContent === focused);
      (same instanceof HTMLElement ? same : at("main")).focus();
    }
  }
}

/** Whoever pauses listens to it. */
const bell = new EventTarget();
let rings = 0;
/** The shortest pause after a failure. */
const AFTER_FAILURE = 5000;

/** Whoever pauses goes on at once: something was changed. */
export function goOnNow() {
  rings += 1;
  bell.dispatchEvent(new Event("ring"));
}

/** Waits, or less if the view ends or the bell rings. @param {number} milliseconds @param {AbortSignal} signal @returns {Promise<void>} */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      bell.removeEventListener("ring", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
    bell.addEventListener("ring", end);
  });
}

/**
 * Does something again and again while the view is there and somebody may see it. What is shown stays where that fails: the banner
 * says that the server is away.
 *
 * @param {AbortSignal} signal
 * @param {number} rest How long to pause first.
 * @param {() => Promise<number>} work It says how long to pause next.
 */
export async function keepOn(signal, rest, work) {
  for (;;) {
    await pause(rest, signal);
    if (signal.aborted) return;
    const heard = rings;
    if (!document.hidden) rest = await work().catch(() => Math.max(rest, AFTER_FAILURE));
    // What was asked for before the change may not show it.
    if (heard !== rings) rest = 0;
  }
}
