-- The ids of the tenant's last resources of a kind that were given up, the latest first.
SELECT external_id FROM control.resources
WHERE tenant_id = $1 AND kind = $2 AND dead_at IS NOT NULL AND external_id IS NOT NULL
ORDER BY generation DESC LIMIT 3
