-- Newest first, from the cursor on; the page is cut before its tenants are looked up.
SELECT c.*, t.slug AS tenant_slug
FROM (SELECT * FROM lakehouse.tenant_catalogs
      WHERE $1::timestamptz IS NULL OR (provisioned_at, id) < ($1, $2::uuid)
      ORDER BY provisioned_at DESC, id DESC LIMIT $3) c
JOIN control.tenants t USING (tenant_id)
ORDER BY c.provisioned_at DESC, c.id DESC
