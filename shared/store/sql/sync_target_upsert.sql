-- Registers a target, or replaces the same one, and writes the audit row. No row: there is no such tenant, or it is
-- deprovisioned. A row without an id: there is no active catalog (of that name). A row that is replaced is locked before it
-- is overwritten. A row that is taken: another target feeds the Iceberg table of that name in the same catalog, whosever it
-- is, and the caller does not say that this is meant. The tables of a tenant that was purged and left its slug are gone. A
-- target that is there already is replaced in any case.
WITH tenant AS (
    SELECT tenant_id, slug FROM control.tenants WHERE tenant_id = $2 AND provisioning_state <> 'deprovisioned' FOR SHARE
), catalog AS (
    SELECT c.catalog_name, rtrim(lower(c.catalog_uri), '/') AS uri FROM lakehouse.tenant_catalogs c JOIN tenant USING (tenant_id)
    WHERE c.is_active AND ($3::text IS NULL OR c.catalog_name = $3)
    ORDER BY c.provisioned_at DESC, c.id DESC LIMIT 1
), before AS (
    SELECT * FROM lakehouse.sync_targets
    WHERE tenant_id = $2 AND source_schema = $4 AND source_table = $5 AND iceberg_namespace = $6 AND iceberg_table = $7
    FOR NO KEY UPDATE
), taken AS (
    SELECT FROM lakehouse.sync_targets JOIN lakehouse.tenant_catalogs c USING (tenant_id, catalog_name)
    WHERE md5(lower(normalize(iceberg_namespace || '.' || iceberg_table, NFKC) COLLATE pg_c_utf8)) = md5(lower(normalize($6 || '.' || $7, NFKC) COLLATE pg_c_utf8))
      AND rtrim(lower(c.catalog_uri), '/') = (SELECT uri FROM catalog) AND NOT $16 AND NOT EXISTS (SELECT FROM before)
      AND NOT EXISTS (SELECT FROM control.purges p WHERE p.tenant_id = c.tenant_id AND p.slug_released)
    LIMIT 1
), target AS (
    INSERT INTO lakehouse.sync_targets AS s
        (id, tenant_id, catalog_name, source_schema, source_table, iceberg_namespace, iceberg_table, sync_mode,
         primary_key_cols, cursor_col, fivetran_connector_id, metadata, shared_table, created_at)
    SELECT $1, tenant.tenant_id, catalog.catalog_name, $4, $5, $6, $7, $8, $9, $10, $11, $12, $16, coalesce(before.created_at, clock_timestamp())
    FROM tenant CROSS JOIN catalog LEFT JOIN before ON true WHERE NOT EXISTS (SELECT FROM taken)
    ON CONFLICT ON CONSTRAINT sync_targets_target_key DO UPDATE
    SET catalog_name = excluded.catalog_name, sync_mode = excluded.sync_mode, primary_key_cols = excluded.primary_key_cols,
        cursor_col = excluded.cursor_col, fivetran_connector_id = excluded.fivetran_connector_id, metadata = excluded.metadata,
        shared_table = excluded.shared_table,
        updated_at = clock_timestamp()
    RETURNING s.*
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $13, 'sync_target.register', target.tenant_id, $14, $15, to_jsonb(before.*) - 'tenant_id', to_jsonb(target.*) - 'tenant_id'
    FROM target LEFT JOIN before ON true
)
SELECT tenant.slug AS tenant_slug, EXISTS (SELECT FROM taken) AS taken, target.* FROM tenant LEFT JOIN target USING (tenant_id)
