-- Where a tenant's data goes: its Iceberg catalogs, and which tables are replicated into them.
CREATE SCHEMA lakehouse;

CREATE TABLE lakehouse.tenant_catalogs (
    -- Derived from tenant and name, hence as unique as they are. An index of its own to say so would make one of two
    -- simultaneous first upserts fail on it instead of waiting.
    id             uuid        NOT NULL,
    -- Checked at commit: until then an upsert waits for Secrets Manager, and a step of the pipeline would wait with it
    -- for the tenant's row.
    tenant_id      uuid        NOT NULL CONSTRAINT tenant_catalogs_tenant_fkey REFERENCES control.tenants (tenant_id)
                               DEFERRABLE INITIALLY DEFERRED,
    catalog_name   text        NOT NULL CONSTRAINT tenant_catalogs_name_check CHECK (catalog_name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'),
    catalog_type   text        NOT NULL CONSTRAINT tenant_catalogs_type_check CHECK (catalog_type IN ('rest', 'hive', 'glue')),
    catalog_uri    text        NOT NULL,
    warehouse      text        NOT NULL,
    storage_prefix text        NOT NULL,
    s3_endpoint    text,
    -- Which version of the catalog's secret belongs to this row; null: it has no credentials.
    secret_version text,
    metadata       jsonb       NOT NULL CONSTRAINT tenant_catalogs_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    -- What a page is cut by, without reading the metadata themselves.
    metadata_bytes integer     NOT NULL GENERATED ALWAYS AS (octet_length(metadata::text)) STORED,
    is_active      boolean     NOT NULL,
    -- One more with every upsert: the ETag. 0 only within the transaction of the first one.
    version        bigint      NOT NULL CONSTRAINT tenant_catalogs_version_check CHECK (version >= 0),
    provisioned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT tenant_catalogs_pkey PRIMARY KEY (tenant_id, catalog_name)
);

-- The list's order: newest first, ties by id.
CREATE INDEX tenant_catalogs_newest_first ON lakehouse.tenant_catalogs (provisioned_at DESC, id DESC);
-- A tenant's catalog is its newest active one.
CREATE INDEX tenant_catalogs_active ON lakehouse.tenant_catalogs (tenant_id, provisioned_at DESC, id DESC) WHERE is_active;

CREATE TABLE lakehouse.sync_targets (
    id                    uuid        NOT NULL CONSTRAINT sync_targets_pkey PRIMARY KEY,
    tenant_id             uuid        NOT NULL CONSTRAINT sync_targets_tenant_fkey REFERENCES control.tenants (tenant_id),
    catalog_name          text        NOT NULL,
    source_schema         text        NOT NULL,
    source_table          text        NOT NULL,
    iceberg_namespace     text        NOT NULL,
    iceberg_table         text        NOT NULL,
    sync_mode             text        NOT NULL CONSTRAINT sync_targets_mode_check CHECK (sync_mode IN ('incremental', 'full_refresh')),
    primary_key_cols      text[]      NOT NULL,
    cursor_col            text,
    fivetran_connector_id text,
    metadata              jsonb       NOT NULL CONSTRAINT sync_targets_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    metadata_bytes        integer     NOT NULL GENERATED ALWAYS AS (octet_length(metadata::text)) STORED,
    created_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT sync_targets_catalog_fkey FOREIGN KEY (tenant_id, catalog_name)
        REFERENCES lakehouse.tenant_catalogs (tenant_id, catalog_name),
    CONSTRAINT sync_targets_target_key UNIQUE (tenant_id, source_schema, source_table, iceberg_namespace, iceberg_table)
);

-- The lists' order, of all tenants and of one: newest first, ties by id.
CREATE INDEX sync_targets_newest_first ON lakehouse.sync_targets (created_at DESC, id DESC);
CREATE INDEX sync_targets_of_tenant ON lakehouse.sync_targets (tenant_id, created_at DESC, id DESC);
