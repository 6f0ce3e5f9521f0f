-- The resource does not exist any more.
UPDATE control.resources r SET dead_at = clock_timestamp()
FROM control.tenants t
WHERE r.id = $1 AND r.dead_at IS NULL AND t.tenant_id = r.tenant_id AND t.lease_token = $2 AND t.lease_until > clock_timestamp()
RETURNING r.generation
