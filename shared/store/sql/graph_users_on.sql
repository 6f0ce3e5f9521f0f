-- Promises to switch a deprovisioned tenant's graph user off: those that are due, the longest overdue first, or the one of
-- tenant $1, due or not.
SELECT id, tenant_id FROM control.outbox
WHERE kind = 'switch_off_graph_user' AND delivered_at IS NULL
  AND CASE WHEN $1::uuid IS NULL THEN next_attempt_at <= clock_timestamp() ELSE tenant_id = $1 END
ORDER BY next_attempt_at, created_at LIMIT $2
