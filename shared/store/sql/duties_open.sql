-- Promises of kind $1 that a DELETE made: those that are due, the longest overdue first, or the one of tenant $2, due or not.
SELECT id, tenant_id FROM control.outbox
WHERE kind = $1 AND delivered_at IS NULL
  AND CASE WHEN $2::uuid IS NULL THEN next_attempt_at <= clock_timestamp() ELSE tenant_id = $2 END
ORDER BY next_attempt_at, created_at LIMIT $3
