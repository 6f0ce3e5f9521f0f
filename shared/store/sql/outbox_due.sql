-- The rows that have to be sent to Valkey. Open billing intents are settled instead, see billing_due.sql.
SELECT id, tenant_id, kind, payload FROM control.outbox
WHERE kind IN ('publish_event', 'invalidate_cache') AND delivered_at IS NULL AND next_attempt_at <= clock_timestamp()
ORDER BY next_attempt_at, created_at, kind LIMIT $1
