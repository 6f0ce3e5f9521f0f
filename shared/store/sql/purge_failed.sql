-- The purge gave up. The failed step is the one that left a cause, or else the first that is not completed. No row: it is over, has a
-- newer attempt, or its lease is held. A step's own cause counts more than the given one, unless that ended the purge ($5).
WITH free AS (
    SELECT tenant_id FROM control.tenants
    WHERE tenant_id = $1 AND (lease_token IS NULL OR lease_until <= clock_timestamp()) FOR UPDATE
), failing AS (
    SELECT p.tenant_id, s.step, CASE WHEN $5 THEN $3 ELSE coalesce(s.cause, $3) END AS cause
    FROM free JOIN control.purges p USING (tenant_id)
    JOIN LATERAL (SELECT step, CASE WHEN started_at IS NOT NULL THEN cause END AS cause FROM control.purge_steps
                  WHERE tenant_id = p.tenant_id AND state <> 'completed'
                  ORDER BY cause IS NULL OR started_at IS NULL, step LIMIT 1) s ON true
    WHERE p.attempt = $2 AND p.state = 'running'
    FOR UPDATE OF p
), failed AS (
    UPDATE control.purges p SET state = 'failed', cause = failing.cause, touched_at = clock_timestamp()
    FROM failing WHERE p.tenant_id = failing.tenant_id
    RETURNING p.tenant_id, p.attempt, failing.step, failing.cause
), step AS (
    UPDATE control.purge_steps s
    SET state = 'failed', finished_at = clock_timestamp(), started_at = coalesce(s.started_at, clock_timestamp()),
        waiting_for = NULL, next_retry_at = NULL, cause = failed.cause
    FROM failed WHERE s.tenant_id = failed.tenant_id AND s.step = failed.step
), released AS (
    UPDATE control.tenants t
    SET lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp(), version = t.version + 1
    FROM failed WHERE t.tenant_id = failed.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $6, 'tenant.purge_fail', tenant_id, $4, jsonb_build_object('state', 'running'),
           jsonb_build_object('state', 'failed', 'attempt', attempt, 'step', step, 'cause', cause)
    FROM failed
)
SELECT step FROM failed
