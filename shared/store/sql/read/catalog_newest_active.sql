SELECT c.*, t.slug AS tenant_slug FROM lakehouse.tenant_catalogs c JOIN control.tenants t USING (tenant_id)
WHERE c.tenant_id = $1 AND c.is_active ORDER BY c.provisioned_at DESC, c.id DESC LIMIT 1
