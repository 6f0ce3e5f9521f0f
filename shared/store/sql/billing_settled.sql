-- Stripe is certainly at the row's tier: closes the intent and gives the lease back. No row if the lease has ended,
-- because another invocation may have changed Stripe after that.
WITH released AS (
    UPDATE control.tenants SET lease_token = NULL, lease_until = NULL
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
)
UPDATE control.outbox o SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
FROM released WHERE o.id = $3 AND o.tenant_id = released.tenant_id AND o.delivered_at IS NULL
RETURNING o.id
