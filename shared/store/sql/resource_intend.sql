-- Writes an intent, which is committed before its call. No row if the lease would not outlast that call. The tenant's
-- row is locked, so that the lease cannot be taken away before the commit.
INSERT INTO control.resources (id, tenant_id, kind, generation, name, step, attempt, request, idempotency_key, livemode)
SELECT $1, t.tenant_id, $3,
       coalesce((SELECT max(generation) FROM control.resources r WHERE r.tenant_id = t.tenant_id AND r.kind = $3), 0) + 1,
       $4, $5, t.attempt, $6, $7, $10
FROM control.tenants t
WHERE t.tenant_id = $2 AND t.lease_token = $8 AND t.lease_until > clock_timestamp() + make_interval(secs => $9)
FOR SHARE OF t
RETURNING generation
