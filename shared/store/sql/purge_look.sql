-- Reads why a purge could not be failed.
SELECT state, attempt FROM control.purges WHERE tenant_id = $1
