/**
 * What the API answers, for the type checker: nothing of this file reaches the page. The shapes come from openapi.json.
 *
 * @typedef {import("./openapi").components["schemas"]} Schemas
 * @typedef {Schemas["ListedTenant"]} ListedTenant
 * @typedef {Schemas["TenantRecord"]} TenantRecord
 * @typedef {Schemas["TenantHold"]} Hold
 * @typedef {Schemas["Status"]} Status
 * @typedef {Schemas["StepStatus"]} StepStatus
 * @typedef {Schemas["Cause"]} Cause
 * @typedef {Schemas["Owner"]} Owner
 * @typedef {Schemas["ListedSystem"]} ListedSystem
 * @typedef {Schemas["ListedResource"]} ListedResource
 * @typedef {Schemas["CheckedPart"]} CheckedPart
 * @typedef {Schemas["RepairedPart"]} RepairedPart
 * @typedef {Schemas["PurgePlan"]} PurgePlan
 * @typedef {Schemas["PlannedResource"]} PlannedResource
 * @typedef {Schemas["PurgeStatus"]} PurgeStatus
 * @typedef {Schemas["PurgeStepStatus"]} PurgeStepStatus
 * @typedef {Schemas["ProvedItem"]} ProvedItem
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

export {};
