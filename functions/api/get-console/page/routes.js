/**
 * Every operation of the API that the console uses: its method, its path, and the command of `ivory` that does the same. Tests
 * hold the table against openapi.json and against the commands that can be typed.
 *
 * @satisfies {Partial<Record<keyof import("./types.js").Operations, [method: string, path: string, command: string]>>}
 */
export const ROUTES = {
  "provision-tenant": ["POST", "/v1/admin/tenants", "tenant create"],
  "list-tenants": ["GET", "/v1/admin/tenants", "tenant list"],
  "get-tenant": ["GET", "/v1/admin/tenants/{tenant}", "tenant get"],
  "get-tenant-status": ["GET", "/v1/admin/tenants/{tenant}/status", "tenant status"],
  "update-tenant": ["PATCH", "/v1/admin/tenants/{tenant}", "tenant update"],
  "deactivate-tenant": ["DELETE", "/v1/admin/tenants/{tenant}", "tenant delete"],
  "retry-tenant": ["POST", "/v1/admin/tenants/{tenant}/retry", "tenant retry"],
  "restore-tenant": ["POST", "/v1/admin/tenants/{tenant}/restore", "tenant restore"],
  "hold-tenant": ["PUT", "/v1/admin/tenants/{tenant}/hold", "tenant hold"],
  "release-tenant-hold": ["DELETE", "/v1/admin/tenants/{tenant}/hold", "tenant release"],
  "get-purge-plan": ["GET", "/v1/admin/tenants/{tenant}/purge-plan", "purge plan"],
  "purge-tenant": ["POST", "/v1/admin/tenants/{tenant}/purge", "purge start"],
  "approve-purge": ["POST", "/v1/admin/tenants/{tenant}/purge/approval", "purge approve"],
  "get-purge": ["GET", "/v1/admin/purges/{tenant}", "purge get"],
  "invite-admin": ["POST", "/v1/admin/tenants/{tenant}/invitation", "tenant invite"],
  "invalidate-tenant-cache": ["POST", "/v1/admin/tenants/{tenant}/cache/invalidate", "tenant invalidate-cache"],
  "list-systems": ["GET", "/v1/admin/systems", "systems"],
  "list-tenant-resources": ["GET", "/v1/admin/tenants/{tenant}/resources", "tenant resources"],
  "check-tenant": ["POST", "/v1/admin/tenants/{tenant}/check", "tenant check"],
  "repair-tenant": ["POST", "/v1/admin/tenants/{tenant}/repair", "tenant repair"],
  "list-tenant-audit": ["GET", "/v1/admin/tenants/{tenant}/audit", "audit list"],
  "list-audit": ["GET", "/v1/admin/audit", "audit list"],
  "get-caller": ["GET", "/v1/admin/me", "auth check"],
  "get-catalog": ["GET", "/v1/admin/tenants/{tenant}/catalog", "catalog get"],
  "list-catalogs": ["GET", "/v1/admin/lakehouse/catalogs", "catalog list"],
  "check-lakehouse-health": ["GET", "/v1/admin/lakehouse/health", "health"],
  "list-sync-targets": ["GET", "/v1/admin/lakehouse/sync-targets", "sync list"],
  "get-lakehouse-caller": ["GET", "/v1/admin/lakehouse/me", "auth check"],
};

/** The operations that take a token instead of an API key. */
export const OF_THE_LAKEHOUSE = new Set(["get-catalog", "list-catalogs", "list-sync-targets", "get-lakehouse-caller"]);

/** The operations that need no credential. */
export const OF_ANYBODY = new Set(["check-lakehouse-health"]);
