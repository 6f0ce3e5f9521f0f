-- Every catalog, and whether a purge has dropped what was in its place.
SELECT id, tenant_id, catalog_uri, warehouse, storage_prefix, s3_endpoint,
       location IS NULL AND location_version IS NOT DISTINCT FROM version AS dropped
FROM lakehouse.tenant_catalogs
