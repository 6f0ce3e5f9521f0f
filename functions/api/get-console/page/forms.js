import { Refusal, Unreachable } from "./api.js";
import { h, newId } from "./dom.js";

/**
 * A field of a form. `options` makes it a choice, `check` a box to tick.
 *
 * @typedef {{ name: string, label: string, help?: string, value?: string, type?: string, options?: Record<string, string>,
 *   check?: boolean, required?: boolean }} Field
 * @typedef {Record<string, string | boolean>} Values
 */

/** Fields, their values, and what is wrong with them. */
export class Fields {
  /** @param {Field[]} fields */
  constructor(fields) {
    this.fields = fields;
    /** @type {Map<string, HTMLInputElement | HTMLSelectElement>} */
    this.inputs = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.faults = new Map();
    this.element = h("div", null, fields.map((field) => this.#field(field)));
  }

  /** @param {Field} field */
  #field(field) {
    const [id, help] = [newId(), newId()];
    const fault = h("small", { class: "wrong", id: newId() });
    const about = { id, name: field.name, "aria-describedby": `${help} ${fault.id}`, required: field.required };
    const type = field.check ? "checkbox" : (field.type ?? "text");
    const options = Object.entries(field.options ?? {});
    const option = (/** @type {[string, string]} */ [value, text]) => h("option", { value, selected: value === field.value }, text);
    const input = field.options
      ? h("select", about, options.map(option))
      : h("input", { ...about, type, value: field.check ? "on" : field.value, autocomplete: "off", spellcheck: "false" });
    this.inputs.set(field.name, input);
    this.faults.set(field.name, fault);
    const label = h("label", { for: id }, field.label);
    return h("div", { class: "field" }, field.check ? [input, label] : [label, input], h("small", { id: help }, field.help), fault);
  }

  /** What was typed. @returns {Values} */
  values() {
    /** @type {Values} */
    const values = {};
    for (const [name, input] of this.inputs) {
      const isBox = input instanceof HTMLInputElement && input.type === "checkbox";
      values[name] = isBox ? input.checked : input.value.trim();
    }
    return values;
  }

  /** Shows what is wrong, each at its field. Returns what belongs to no field. @param {{ field: string, message: string }[]} errors */
  show(errors) {
    for (const [name, input] of this.inputs) {
      const mine = errors.filter((error) => error.field === name);
      input.toggleAttribute("aria-invalid", false);
      if (mine.length) input.setAttribute("aria-invalid", "true");
      this.faults.get(name)?.replaceChildren(mine.map((error) => error.message).join("; "));
    }
    const first = errors.map((error) => this.inputs.get(error.field)).find((input) => input);
    first?.focus();
    return errors.filter((error) => !this.inputs.has(error.field));
  }
}

/** Says what went wrong. @param {unknown} error @param {{ field: string, message: string }[]} [others] Faults that no field shows. */
export function trouble(error, others) {
  if (error instanceof Refusal) {
    const faults = others ?? error.problem.errors ?? [];
    const { title, detail, code, request_id: id } = error.problem;
    return h("div", { class: "card bad", role: "alert" }, h("p", null, h("b", null, title)), h("p", null, detail),
      faults.map(({ field, message }) => h("p", null, h("code", null, field), ` ${message}`)),
      h("p", { class: "quiet" }, h("code", null, code), id && [" · request ", h("code", null, id)]));
  }
  const text = error instanceof Unreachable ? error.message : `The page made a mistake: ${error}`;
  return h("div", { class: "card bad", role: "alert" }, h("p", null, h("b", null, text)));
}

/**
 * A form that sends what its fields say. While it is sent it cannot be sent again, and what the server refuses stands at the
 * fields.
 *
 * @param {{ fields: Fields, submit: string, danger?: boolean, send: (values: Values) => Promise<void>, extra?: import("./dom.js").Child[],
 *   cancel?: () => void, changed?: (values: Values) => void }} parts
 */
export function form({ fields, submit, danger, send, extra = [], cancel, changed }) {
  const wrong = h("div");
  const go = h("button", { type: "submit", class: danger ? "danger" : "main" }, submit);
  const onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (go.disabled) return;
    go.disabled = true;
    wrong.replaceChildren();
    fields.show([]);
    try {
      await send(fields.values());
    } catch (error) {
      const others = fields.show((error instanceof Refusal && error.problem.errors) || []);
      wrong.replaceChildren(trouble(error, others));
    }
    go.disabled = false;
    // A button that is disabled loses the focus.
    if (document.activeElement === document.body) go.focus();
  };
  const back = cancel && h("button", { type: "button", onclick: cancel }, "Cancel");
  // What is required is said by the server, at the field, as everything else is.
  return h("form", { class: "narrow", novalidate: true, onsubmit, oninput: () => changed?.(fields.values()) },
    fields.element, extra, wrong, h("p", { class: "row" }, go, back));
}
