-- A confirmed resource was changed, and is now what this request asks for.
UPDATE control.resources r SET request = $3
FROM control.tenants t
WHERE r.id = $1 AND r.dead_at IS NULL AND r.confirmed_at IS NOT NULL AND t.tenant_id = r.tenant_id
  AND t.lease_token = $2 AND t.lease_until > clock_timestamp()
RETURNING r.generation
