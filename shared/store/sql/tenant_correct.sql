-- Corrects values of a tenant whose run is under way. No row if the tenant changed, or a step began, since the caller read it:
-- each step touches the row when it takes the lease, and reads the values then.
WITH before AS (
    SELECT tenant_id, display_name, tier, admin_email FROM control.tenants
    WHERE tenant_id = $1 AND provisioning_state = 'provisioning' AND version = $2 AND touched_at = $3
    FOR UPDATE
), corrected AS (
    UPDATE control.tenants t
    SET display_name = $4, tier = $5, admin_email = $6, updated_at = clock_timestamp(), version = version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $7, 'tenant.correct', corrected.tenant_id, $8, $9, to_jsonb(before.*) - 'tenant_id',
           jsonb_build_object('display_name', corrected.display_name, 'tier', corrected.tier, 'admin_email', corrected.admin_email)
    FROM corrected JOIN before USING (tenant_id)
)
SELECT * FROM corrected
