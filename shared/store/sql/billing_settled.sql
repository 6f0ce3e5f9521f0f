-- Stripe is at the row's tier for certain: the intent is closed and the lease given back. Nothing where the lease lapsed:
-- then somebody else may have changed Stripe since.
WITH released AS (
    UPDATE control.tenants SET lease_token = NULL, lease_until = NULL
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
)
UPDATE control.outbox o SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
FROM released WHERE o.id = $3 AND o.tenant_id = released.tenant_id AND o.delivered_at IS NULL
RETURNING o.id
