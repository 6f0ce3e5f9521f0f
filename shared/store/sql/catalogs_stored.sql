SELECT id, tenant_id, catalog_uri, warehouse, storage_prefix, s3_endpoint FROM lakehouse.tenant_catalogs
