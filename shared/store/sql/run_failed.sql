-- The run is over. The failed step is the one that left a cause. If none did, it is the first step that is not
-- completed: its process died and could not record a cause. A cause that kept a step from beginning does not count. No
-- row if the tenant is active, has a newer attempt, or its lease is held. A step's own cause takes precedence over the
-- given one, unless the given one ended the run ($5).
WITH failing AS (
    SELECT t.tenant_id, s.step, CASE WHEN $5 THEN $3 ELSE coalesce(s.cause, $3) END AS cause
    FROM control.tenants t
    JOIN LATERAL (SELECT step, CASE WHEN started_at IS NOT NULL THEN cause END AS cause FROM control.provisioning_steps
                  WHERE tenant_id = t.tenant_id AND state <> 'completed'
                  ORDER BY cause IS NULL OR started_at IS NULL, step LIMIT 1) s ON true
    WHERE t.tenant_id = $1 AND t.attempt = $2 AND t.provisioning_state = 'provisioning'
      AND (t.lease_token IS NULL OR t.lease_until <= clock_timestamp())
    FOR UPDATE OF t
), failed AS (
    UPDATE control.tenants t
    SET provisioning_state = 'failed', lease_token = NULL, lease_until = NULL,
        error_message = format('step_%s: %s: %s', failing.step, failing.cause ->> 'code', failing.cause ->> 'hint'),
        touched_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1
    FROM failing WHERE t.tenant_id = failing.tenant_id
    RETURNING t.tenant_id, t.provisioning_state, t.attempt, failing.step, failing.cause
), step AS (
    UPDATE control.provisioning_steps s
    SET state = 'failed', finished_at = clock_timestamp(), started_at = coalesce(s.started_at, clock_timestamp()),
        waiting_for = NULL, next_retry_at = NULL, cause = failed.cause
    FROM failed WHERE s.tenant_id = failed.tenant_id AND s.step = failed.step
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $6, 'tenant.fail', tenant_id, $4, jsonb_build_object('provisioning_state', 'provisioning'),
           jsonb_build_object('provisioning_state', provisioning_state, 'attempt', attempt, 'step', step, 'cause', cause)
    FROM failed
)
SELECT step FROM failed
