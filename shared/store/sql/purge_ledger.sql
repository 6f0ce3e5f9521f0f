-- The live rows of the ledger: what a purge has to delete.
SELECT id, kind, name, external_id FROM control.resources WHERE tenant_id = $1 AND dead_at IS NULL ORDER BY step, kind
