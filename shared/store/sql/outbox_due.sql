SELECT id, tenant_id, kind, payload FROM control.outbox
WHERE delivered_at IS NULL AND next_attempt_at <= clock_timestamp() ORDER BY next_attempt_at, created_at, kind LIMIT $1
