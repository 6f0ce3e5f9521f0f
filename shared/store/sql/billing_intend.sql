-- Writes the intent of a tier change, which is committed before Stripe is called. It is due once the lease has ended:
-- until then its writer has settled it or has died. No row if the lease would not outlast a call, the tenant is not
-- active, or it changed since the caller read it. The tenant's row is locked, so that the lease cannot be taken away
-- before the commit.
INSERT INTO control.outbox (id, tenant_id, kind, payload, next_attempt_at)
SELECT $1, t.tenant_id, 'settle_billing', '{}', t.lease_until
FROM control.tenants t
WHERE t.tenant_id = $2 AND t.lease_token = $3 AND t.lease_until > clock_timestamp() + make_interval(secs => $4)
  AND t.provisioning_state = 'active' AND ($5::bigint IS NULL OR t.version = $5)
FOR SHARE OF t
RETURNING id
