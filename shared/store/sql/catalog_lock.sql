-- Locks the tenant's catalog of that name until the transaction ends. If it does not exist, it is inserted; version 0
-- means that this transaction inserted it. An existing row is not changed. No row: there is no such tenant, or it is
-- deprovisioned.
INSERT INTO lakehouse.tenant_catalogs AS c
    (tenant_id, catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix, s3_endpoint, metadata, is_active, id, version)
SELECT t.tenant_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0 FROM control.tenants t
WHERE t.tenant_id = $1 AND t.provisioning_state <> 'deprovisioned'
ON CONFLICT ON CONSTRAINT tenant_catalogs_pkey DO UPDATE SET version = c.version
RETURNING version, secret_version
