-- The namespaces into which the tenant's tables are synced.
SELECT DISTINCT iceberg_namespace FROM lakehouse.sync_targets WHERE tenant_id = $1 ORDER BY iceberg_namespace
