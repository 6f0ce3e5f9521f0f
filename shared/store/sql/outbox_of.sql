-- Of one transaction, the invalidation comes before the event: who hears of the tenant must not find it in the cache.
SELECT id, tenant_id, kind, payload FROM control.outbox
WHERE id = ANY($1) AND kind IN ('publish_event', 'invalidate_cache') AND delivered_at IS NULL ORDER BY created_at, kind
