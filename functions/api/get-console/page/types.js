/**
 * What the API answers, for the type checker: nothing of this file reaches the page. The shapes come from openapi.json.
 *
 * @typedef {import("./openapi").components["schemas"]} Schemas
 * @typedef {Schemas["ListedTenant"]} ListedTenant
 * @typedef {Schemas["Status"]} Status
 * @typedef {Schemas["StepStatus"]} StepStatus
 * @typedef {Schemas["Cause"]} Cause
 * @typedef {Schemas["Owner"]} Owner
 * @typedef {Schemas["ListedSystem"]} ListedSystem
 * @typedef {Schemas["ListedResource"]} ListedResource
 * @typedef {Schemas["AuditRecord"]} AuditRecord
 * @typedef {Schemas["CatalogRecord"]} CatalogRecord
 * @typedef {Schemas["SyncTargetRecord"]} SyncTargetRecord
 * @typedef {Schemas["KeyHolder"]} KeyHolder
 * @typedef {Schemas["TokenHolder"]} TokenHolder
 * @typedef {Schemas["Problem"]} Problem
 * @typedef {Schemas["Region"]} Region
 * @typedef {Schemas["Tier"]} Tier
 * @typedef {Schemas["ProvisioningState"]} State
 */

/**
 * A legal hold, and how far a purge is, of a record.
 *
 * @typedef {{ reason: string, at: string, by: string }} Hold
 * @typedef {{ state: string } & Record<string, unknown>} Purge
 * @typedef {Schemas["TenantRecord"] & { hold?: Hold | null, purge?: Purge | null, restored_at?: string | null }} TenantRecord
 */

/**
 * What a check finds of one part of a tenant.
 *
 * @typedef {{ resource: string, name: string | null, state: "ok" | "broken" | "not_asked" | "not_needed", expected: string | null,
 *   found: string | null, repairable: boolean, code: string | null, owner: Owner | null, hint: string | null }} CheckedPart
 */

export {};
