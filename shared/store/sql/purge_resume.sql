-- failed → running, with the next try. What is completed stays completed. No row: the tenant's row changed since it was read, or a
-- stalled invocation still holds the lease.
WITH tenant AS (
    SELECT tenant_id FROM control.tenants
    WHERE tenant_id = $1 AND version = $2 AND provisioning_state = 'deprovisioned' AND hold_at IS NULL
      AND (lease_token IS NULL OR lease_until <= clock_timestamp())
    FOR UPDATE
), before AS (
    SELECT p.tenant_id, p.state, p.attempt, p.cause FROM control.purges p JOIN tenant USING (tenant_id)
    WHERE p.state = 'failed' FOR UPDATE OF p
), resumed AS (
    UPDATE control.purges p
    SET state = 'running', attempt = p.attempt + 1, cause = NULL, correlation_id = $3, touched_at = clock_timestamp()
    FROM before WHERE p.tenant_id = before.tenant_id
    RETURNING p.*
), steps AS (
    UPDATE control.purge_steps s
    SET state = 'pending', started_at = NULL, finished_at = NULL, waiting_for = NULL, next_retry_at = NULL, cause = NULL
    FROM resumed WHERE s.tenant_id = resumed.tenant_id AND s.state <> 'completed'
), seen AS (
    UPDATE control.tenants t
    SET version = t.version + 1, updated_at = clock_timestamp(), lease_token = NULL, lease_until = NULL
    FROM resumed WHERE t.tenant_id = resumed.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $4, 'tenant.purge_resume', resumed.tenant_id, $5, $6, to_jsonb(before.*) - 'tenant_id',
           jsonb_build_object('state', resumed.state, 'attempt', resumed.attempt)
    FROM resumed JOIN before USING (tenant_id)
)
SELECT * FROM resumed
