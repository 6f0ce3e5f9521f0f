-- Catalogs of other tenants, in use or not, that lie where a location does ($2: it and all above it), or below it ($3), or
-- whose location has to be worked out.
SELECT id, tenant_id, warehouse, storage_prefix FROM lakehouse.tenant_catalogs
WHERE tenant_id <> $1 AND (location = ANY($2) OR location ^@ $3 OR location_version IS DISTINCT FROM version)
