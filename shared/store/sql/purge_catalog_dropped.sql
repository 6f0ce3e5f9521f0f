-- A catalog's data is gone: it is not in use any more, and its place is free for others. No row: the lease has ended, or there is no
-- such catalog.
WITH leased AS (
    SELECT tenant_id FROM control.tenants
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp() FOR SHARE
), dropped AS (
    UPDATE lakehouse.tenant_catalogs c
    SET is_active = false, secret_version = NULL, location = NULL, location_version = c.version + 1, version = c.version + 1,
        updated_at = clock_timestamp()
    FROM leased WHERE c.tenant_id = leased.tenant_id AND c.id = $3
    RETURNING c.*
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $4, 'catalog.drop', tenant_id, $2,
           jsonb_build_object('catalog_name', catalog_name, 'warehouse', warehouse, 'storage_prefix', storage_prefix),
           jsonb_build_object('is_active', is_active)
    FROM dropped
)
SELECT id FROM dropped
