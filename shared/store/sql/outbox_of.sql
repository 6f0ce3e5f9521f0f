-- The invalidation comes before the event of the same transaction: a reader of the event must not find the old cache
-- entry.
SELECT id, tenant_id, kind, payload FROM control.outbox
WHERE id = ANY($1) AND kind IN ('publish_event', 'invalidate_cache') AND delivered_at IS NULL ORDER BY created_at, kind
