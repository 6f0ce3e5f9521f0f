-- Puts a tenant under a legal hold, or gives its hold another reason. No row if the tenant changed since the caller read it.
WITH before AS (
    SELECT tenant_id, hold_reason, hold_at, hold_by FROM control.tenants WHERE tenant_id = $1 AND version = $2 FOR UPDATE
), held AS (
    UPDATE control.tenants t
    SET hold_reason = $3, hold_at = clock_timestamp(), hold_by = $4, updated_at = clock_timestamp(), version = t.version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $4, 'tenant.hold', held.tenant_id, $5, $6, to_jsonb(before.*) - 'tenant_id',
           jsonb_build_object('hold_reason', held.hold_reason, 'hold_at', held.hold_at, 'hold_by', held.hold_by)
    FROM held JOIN before USING (tenant_id)
)
SELECT * FROM held
