-- failed → provisioning, with the next attempt and the allowed corrections. No row if the row changed since it was
-- read, or a stalled invocation still holds the lease.
WITH before AS (
    SELECT tenant_id, provisioning_state, display_name, tier, admin_email, attempt, error_message FROM control.tenants
    WHERE tenant_id = $1 AND provisioning_state = 'failed' AND attempt = $2 AND version = $9
      AND (lease_token IS NULL OR lease_until <= clock_timestamp())
    FOR UPDATE
), resumed AS (
    UPDATE control.tenants t
    SET provisioning_state = 'provisioning', attempt = t.attempt + 1, error_message = NULL, lease_token = NULL, lease_until = NULL,
        display_name = $3, tier = $4, admin_email = $5, correlation_id = $6,
        touched_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), steps AS (
    UPDATE control.provisioning_steps s
    SET state = 'pending', started_at = NULL, finished_at = NULL, waiting_for = NULL, next_retry_at = NULL, cause = NULL
    FROM resumed WHERE s.tenant_id = resumed.tenant_id AND s.state <> 'completed'
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $7, 'tenant.resume', resumed.tenant_id, $8, $10, to_jsonb(before.*) - 'tenant_id',
           jsonb_build_object('provisioning_state', resumed.provisioning_state, 'display_name', resumed.display_name, 'tier', resumed.tier,
                              'admin_email', resumed.admin_email, 'attempt', resumed.attempt)
    FROM resumed JOIN before USING (tenant_id)
)
SELECT * FROM resumed
