-- Stripe is certainly at the row's tier: closes the intent, writes the customer if it was made anew, and gives the lease
-- back. No row if the lease has ended, because another invocation may have changed Stripe after that.
WITH before AS (
    SELECT tenant_id, stripe_customer_id, coalesce($4::text <> stripe_customer_id, false) AS differs
    FROM control.tenants WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    FOR UPDATE
), released AS (
    UPDATE control.tenants t
    SET lease_token = NULL, lease_until = NULL,
        stripe_customer_id = CASE WHEN before.differs THEN $4 ELSE t.stripe_customer_id END,
        version = t.version + before.differs::integer,
        updated_at = CASE WHEN before.differs THEN clock_timestamp() ELSE t.updated_at END
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $5, 'tenant.rebill', tenant_id, $2, jsonb_build_object('stripe_customer_id', stripe_customer_id),
           jsonb_build_object('stripe_customer_id', $4::text)
    FROM before WHERE differs
)
UPDATE control.outbox o SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
FROM released WHERE o.id = $3 AND o.tenant_id = released.tenant_id AND o.delivered_at IS NULL
RETURNING o.id
