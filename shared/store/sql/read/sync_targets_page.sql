-- Newest first, from the cursor on, of one tenant or of all. The page is cut in the same way as in catalogs_page.sql.
SELECT p.*, t.slug AS tenant_slug
FROM (SELECT s.*, sum(s.metadata_bytes) OVER (ORDER BY s.created_at DESC, s.id DESC) - s.metadata_bytes AS bytes_before, count(*) OVER () AS uncut
      FROM (SELECT * FROM lakehouse.sync_targets
            WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
            ORDER BY created_at DESC, id DESC LIMIT $4) s) p
JOIN control.tenants t USING (tenant_id)
WHERE p.bytes_before <= 8 * 1024 * 1024
ORDER BY p.created_at DESC, p.id DESC
