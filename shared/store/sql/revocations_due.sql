-- Promises to revoke a deprovisioned tenant's API keys and database password that are due, the longest overdue first.
SELECT id, tenant_id FROM control.outbox
WHERE kind = 'revoke_access' AND delivered_at IS NULL AND next_attempt_at <= clock_timestamp()
ORDER BY next_attempt_at, created_at LIMIT $1
