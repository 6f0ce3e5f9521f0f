SELECT id, generation, name, request, idempotency_key, livemode, external_id,
       extract(epoch FROM clock_timestamp() - sent_at)::float8 AS age_secs
FROM control.resources WHERE tenant_id = $1 AND kind = $2 AND dead_at IS NULL
