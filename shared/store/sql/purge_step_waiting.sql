-- The step waits. The lease is given back.
WITH released AS (
    UPDATE control.tenants
    SET lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp(), version = version + 1
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
), alive AS (
    UPDATE control.purges p SET touched_at = clock_timestamp() FROM released WHERE p.tenant_id = released.tenant_id
)
UPDATE control.purge_steps s
SET state = 'waiting', waiting_for = $4, next_retry_at = clock_timestamp() + make_interval(secs => $5), cause = NULL
FROM released WHERE s.tenant_id = released.tenant_id AND s.step = $3
RETURNING s.step
