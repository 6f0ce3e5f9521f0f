-- Writes the locked row, and the audit row. The row is locked, so this statement reads the values from before the
-- change. No row: the tenant was deprovisioned since the row was locked. Its own row is locked from here to the commit, so
-- that it cannot be deprovisioned before.
WITH tenant AS (
    SELECT tenant_id FROM control.tenants WHERE tenant_id = $1 AND provisioning_state <> 'deprovisioned' FOR SHARE
), before AS (
    SELECT * FROM lakehouse.tenant_catalogs WHERE tenant_id = $1 AND catalog_name = $2
), written AS (
    UPDATE lakehouse.tenant_catalogs c
    SET catalog_type = $3, catalog_uri = $4, warehouse = $5, storage_prefix = $6, s3_endpoint = $7, metadata = $8, is_active = $9,
        secret_version = $10, version = c.version + 1, updated_at = clock_timestamp()
    FROM tenant WHERE c.tenant_id = tenant.tenant_id AND c.catalog_name = $2
    RETURNING c.*
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $11, 'catalog.upsert', written.tenant_id, $12,
           CASE WHEN before.version > 0 THEN to_jsonb(before.*) - 'tenant_id' END, to_jsonb(written.*) - 'tenant_id'
    FROM written JOIN before USING (tenant_id, catalog_name)
)
SELECT written.*, t.slug AS tenant_slug FROM written JOIN control.tenants t USING (tenant_id)
