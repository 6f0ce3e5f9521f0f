-- One statement completes the step and ends the lease. What a DELETE left to be done is done with it: by the first step that nobody
-- gets in any more, by the second that nothing is billed. Done later, it would give the slug's graph user a new life.
WITH released AS (
    UPDATE control.tenants
    SET lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp(), version = version + 1
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
), alive AS (
    UPDATE control.purges p SET touched_at = clock_timestamp() FROM released WHERE p.tenant_id = released.tenant_id
), superseded AS (
    UPDATE control.outbox o SET delivered_at = clock_timestamp(), last_error = NULL
    FROM released
    WHERE o.tenant_id = released.tenant_id AND o.delivered_at IS NULL
      AND (($3::smallint = 1 AND o.kind IN ('switch_off_graph_user', 'revoke_access')) OR ($3 = 2 AND o.kind = 'settle_billing'))
)
UPDATE control.purge_steps s
SET state = 'completed', finished_at = clock_timestamp(), waiting_for = NULL, next_retry_at = NULL, cause = NULL
FROM released WHERE s.tenant_id = released.tenant_id AND s.step = $3
RETURNING s.step
