-- Inserts a tenant, its nine steps and the audit row. No row if the slug is taken.
WITH tenant AS (
    INSERT INTO control.tenants (tenant_id, slug, display_name, region, tier, admin_email, correlation_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT ON CONSTRAINT tenants_slug_key DO NOTHING
    RETURNING *
), steps AS (
    INSERT INTO control.provisioning_steps (tenant_id, step)
    SELECT tenant.tenant_id, step FROM tenant, generate_series(1, 9) AS step
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, after)
    SELECT $8, 'tenant.create', tenant_id, $9, $10,
           jsonb_build_object('slug', slug, 'display_name', display_name, 'region', region, 'tier', tier, 'admin_email', admin_email)
    FROM tenant
)
SELECT * FROM tenant
