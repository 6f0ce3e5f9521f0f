/**
 * What the API answers, for the type checker: nothing of this file reaches the page. The shapes come from openapi.json.
 *
 * @typedef {import("./openapi").components["schemas"]} Schemas
 * @typedef {import("./openapi").operations} Operations
 * @typedef {keyof typeof import("./routes.js").ROUTES} Operation
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

/**
 * What an operation answers when it succeeds. Null: nothing. Health is told as well when it is bad.
 *
 * @template {Operation} Name
 * @typedef {{ [Status in keyof Operations[Name]["responses"]]: Status extends 200 | 201 | 202
 *   ? Operations[Name]["responses"][Status] extends { content: { "application/json": infer Data } } ? Data : null
 *   : Status extends 503 ? Operations[Name]["responses"][Status] extends { content: { "application/json": infer Data } } ? Data : never
 *   : never }[keyof Operations[Name]["responses"]]} DataOf
 */

/**
 * One row of what an operation lists.
 *
 * @template {Operation} Name
 * @typedef {DataOf<Name> extends (infer Row)[] ? Row : never} RowOf
 */

/**
 * The parameters behind the `?` of an operation's path, as texts.
 *
 * @template {Operation} Name
 * @typedef {{ [Parameter in keyof NonNullable<Operations[Name]["parameters"]["query"]>]?: string }} QueryOf
 */

export {};
