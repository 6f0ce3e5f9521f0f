-- Gives the intent a new request. The previous request is known to have had no effect.
UPDATE control.resources r SET request = $3, idempotency_key = $4, livemode = $6, sent_at = clock_timestamp()
FROM control.tenants t
WHERE r.id = $1 AND r.confirmed_at IS NULL AND t.tenant_id = r.tenant_id
  AND t.lease_token = $2 AND t.lease_until > clock_timestamp() + make_interval(secs => $5)
RETURNING r.generation
