import { ask, newKey } from "./api.js";
import { sameOnACommandLine } from "./commands.js";
import { fill, h, say } from "./dom.js";
import { Fields, form } from "./forms.js";
import { REGIONS, TIERS } from "./format.js";

/** The form for a new tenant. What is wrong with it, the server says. @param {HTMLElement} main */
export async function createView(main) {
  const regions = Object.fromEntries(Object.entries(REGIONS).map(([name, place]) => [name, `${name} (${place})`]));
  const fields = new Fields([
    { name: "slug", label: "Slug", help: "The tenant's name in URLs, for good: lower-case letters, digits and hyphens.", required: true },
    { name: "display_name", label: "Name", help: "For people.", required: true },
    { name: "region", label: "Region", help: "Where its data stays, for good.", options: { "": "Choose one", ...regions }, required: true },
    { name: "tier", label: "Tier", options: TIERS, value: "enterprise" },
    { name: "admin_email", label: "Admin's address", help: "Who is invited first.", type: "email", required: true },
    { name: "data_residency_verified", label: "Somebody has verified what the region's law requires of this data", check: true },
  ]);
  const commands = h("div");
  let [once, sent] = [newKey(), ""];
  /** @param {import("./forms.js").Values} values */
  const bodyOf = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
  /** @param {import("./forms.js").Values} values */
  function changed(values) {
    const { slug, display_name: name, region, tier, admin_email: admin, data_residency_verified: verified } = values;
    const args = [String(slug), `--display-name=${name}`, `--region=${region}`, `--tier=${tier}`, `--admin=${admin}`];
    if (verified) args.push("--residency-verified");
    fill(commands, sameOnACommandLine("provision-tenant", { body: bodyOf(values) }, args));
  }
  /** @param {import("./forms.js").Values} values */
  async function send(values) {
    const body = bodyOf(values);
    if (JSON.stringify(body) !== sent) once = newKey();
    sent = JSON.stringify(body);
    const { data } = await ask("provision-tenant", { body, once });
    say(`The run of ${data.slug} is ${data.run}.`);
    location.hash = `#/tenants/${encodeURIComponent(data.slug)}`;
  }
  const extra = [h("details", null, h("summary", null, "The same on a command line"), commands)];
  const order = form({ fields, submit: "Create the tenant", send, extra, changed });
  fill(main, h("h1", { tabindex: "-1" }, "Create a tenant"), h("div", { class: "card" }, order));
  changed(fields.values());
}
