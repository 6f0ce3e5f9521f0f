-- All catalogs of a tenant, in use or not.
SELECT c.*, t.slug AS tenant_slug FROM lakehouse.tenant_catalogs c JOIN control.tenants t USING (tenant_id)
WHERE c.tenant_id = $1 ORDER BY c.catalog_name
