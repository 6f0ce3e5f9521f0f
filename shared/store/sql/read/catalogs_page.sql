-- Newest first, from the cursor on. The page is cut before its tenants are looked up, and after 8 MiB of metadata. The
-- count of rows before the second cut shows whether that cut was made.
SELECT p.*, t.slug AS tenant_slug
FROM (SELECT c.*, sum(c.metadata_bytes) OVER (ORDER BY c.provisioned_at DESC, c.id DESC) - c.metadata_bytes AS bytes_before, count(*) OVER () AS uncut
      FROM (SELECT * FROM lakehouse.tenant_catalogs
            WHERE $1::timestamptz IS NULL OR (provisioned_at, id) < ($1, $2::uuid)
            ORDER BY provisioned_at DESC, id DESC LIMIT $3) c) p
JOIN control.tenants t USING (tenant_id)
WHERE p.bytes_before <= 8 * 1024 * 1024
ORDER BY p.provisioned_at DESC, p.id DESC
