-- Changes name and domain. Whoever decides about the domain forgets one that was lost. No row if the tenant is deprovisioned,
-- or changed since the caller read it.
WITH before AS (
    SELECT tenant_id, display_name, custom_domain FROM control.tenants
    WHERE tenant_id = $1 AND provisioning_state <> 'deprovisioned' AND ($2::bigint IS NULL OR version = $2)
    FOR UPDATE
), updated AS (
    UPDATE control.tenants t
    SET display_name = coalesce($3, t.display_name), custom_domain = CASE WHEN $4 THEN $5 ELSE t.custom_domain END,
        lost_domain = CASE WHEN NOT $4 THEN t.lost_domain END,
        updated_at = clock_timestamp(), version = t.version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), promised AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload) SELECT $6, tenant_id, 'invalidate_cache', $7 FROM updated
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $8, 'tenant.update', updated.tenant_id, $9, $10, to_jsonb(before.*) - 'tenant_id',
           jsonb_build_object('display_name', updated.display_name, 'custom_domain', updated.custom_domain)
    FROM updated JOIN before USING (tenant_id)
)
SELECT * FROM updated
