-- Newest first, from the cursor on. Each call is planned with the values of its parameters, so a filter that is null
-- costs nothing, and the index scan begins at the cursor.
SELECT tenant_id, slug, display_name, tier, region, provisioning_state, is_active, provisioned_at
FROM control.tenants
WHERE ($1::text IS NULL OR provisioning_state = $1) AND ($2::text IS NULL OR tier = $2) AND ($3::text IS NULL OR region = $3)
  AND ($4::timestamptz IS NULL OR (provisioned_at, tenant_id) < ($4, $5::uuid))
ORDER BY provisioned_at DESC, tenant_id DESC LIMIT $6
