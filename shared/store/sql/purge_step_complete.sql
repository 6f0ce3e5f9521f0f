-- One statement completes the step and ends the lease.
WITH released AS (
    UPDATE control.tenants
    SET lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp(), version = version + 1
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
), alive AS (
    UPDATE control.purges p SET touched_at = clock_timestamp() FROM released WHERE p.tenant_id = released.tenant_id
)
UPDATE control.purge_steps s
SET state = 'completed', finished_at = clock_timestamp(), waiting_for = NULL, next_retry_at = NULL, cause = NULL
FROM released WHERE s.tenant_id = released.tenant_id AND s.step = $3
RETURNING s.step
