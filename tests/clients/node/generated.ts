// A use of the types that were made from openapi.json. It is compiled and not run: what it says about types has to hold.
import createClient from "openapi-fetch";
import type { components, paths } from "./ivory-control-plane";

type Problem = components["schemas"]["Problem"];

const api = createClient<paths>({ baseUrl: "https://api.example.com", headers: { "X-API-Key": "key" } });
const order: components["schemas"]["ProvisionTenant"] = {
  slug: "acme-bank",
  display_name: "Acme Bank",
  region: "eu-central-1",
  admin_email: "admin@acmebank.com",
  data_residency_verified: true,
};

export async function live(): Promise<Date | null> {
  const made = await api.POST("/v1/admin/tenants", { body: order, params: { header: { "Idempotency-Key": "one" } } });
  if (made.error) throw new Error(explained(made.error));
  const path = { tenant: made.data.slug };
  const status = await api.GET("/v1/admin/tenants/{tenant}/status", { params: { path } });
  const waiting: string | null | undefined = status.data?.steps.find((step) => step.state === "waiting")?.waiting_for;
  const record = await api.GET("/v1/admin/tenants/{tenant}", { params: { path, header: { "If-None-Match": '"3"' } } });
  if (record.error) throw new Error(waiting ?? explained(record.error));
  const since: string | null | undefined = record.data?.activated_at;
  return since ? new Date(since) : null;
}

function explained(problem: Problem): string {
  if (problem.code === "validation_failed") {
    return (problem.errors ?? []).map((error) => `${error.field} ${error.message}`).join("; ");
  }
  // @ts-expect-error There is no such code.
  if (problem.code === "no_such_code") return "";
  return `${problem.status} ${problem.detail} (${problem.request_id})`;
}

// @ts-expect-error There is no such region.
export const mars: typeof order = { ...order, region: "mars" };
// @ts-expect-error The residency must be confirmed.
export const unconfirmed: typeof order = { ...order, data_residency_verified: false };
// @ts-expect-error There is no such state.
export const states = api.GET("/v1/admin/tenants", { params: { query: { limit: 10, provisioning_state: "gone" } } });
// @ts-expect-error There is no such route.
export const nothing = api.GET("/v1/admin/nothing");
