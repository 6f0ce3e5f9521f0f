-- The tenant's active catalogs that have credentials, and the version of the secret that belongs to each row.
SELECT id, catalog_name, secret_version FROM lakehouse.tenant_catalogs
WHERE tenant_id = $1 AND is_active AND secret_version IS NOT NULL ORDER BY catalog_name
