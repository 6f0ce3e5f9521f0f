-- Newest first, from the cursor on, of one tenant or of all; the page is cut before its tenants are looked up.
SELECT s.*, t.slug AS tenant_slug
FROM (SELECT * FROM lakehouse.sync_targets
      WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
      ORDER BY created_at DESC, id DESC LIMIT $4) s
JOIN control.tenants t USING (tenant_id)
ORDER BY s.created_at DESC, s.id DESC
