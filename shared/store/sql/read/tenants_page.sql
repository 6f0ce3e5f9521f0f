-- Newest first, from the cursor on. Each call is planned with the values of its parameters, so a filter that is null
-- costs nothing, and the index scan begins at the cursor. A search that few tenants fit reads the index tenants_search instead.
SELECT tenant_id, slug, display_name, tier, region, provisioning_state, is_active, provisioned_at
FROM control.tenants
WHERE ($1::text IS NULL OR provisioning_state = $1) AND ($2::text IS NULL OR tier = $2) AND ($3::text IS NULL OR region = $3)
  AND ($7::text IS NULL OR slug ILIKE $7 OR display_name ILIKE $7 OR admin_email ILIKE $7 OR custom_domain ILIKE $7)
  AND ($4::timestamptz IS NULL OR (provisioned_at, tenant_id) < ($4, $5::uuid))
ORDER BY provisioned_at DESC, tenant_id DESC LIMIT $6
