-- Takes a tenant's legal hold away. No row if there is none, or the tenant changed since the caller read it.
WITH before AS (
    SELECT tenant_id, hold_reason, hold_at, hold_by FROM control.tenants
    WHERE tenant_id = $1 AND version = $2 AND hold_at IS NOT NULL
    FOR UPDATE
), released AS (
    UPDATE control.tenants t
    SET hold_reason = NULL, hold_at = NULL, hold_by = NULL, updated_at = clock_timestamp(), version = t.version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $3, 'tenant.release_hold', released.tenant_id, $4, $5, to_jsonb(before.*) - 'tenant_id',
           jsonb_build_object('hold_reason', NULL, 'hold_at', NULL, 'hold_by', NULL)
    FROM released JOIN before USING (tenant_id)
)
SELECT * FROM released
