-- Whether something of the tenant was asked for in Stripe's live mode, and was not given up.
SELECT FROM control.resources
WHERE tenant_id = $1 AND kind IN ('stripe_customer', 'stripe_subscription') AND livemode AND dead_at IS NULL LIMIT 1
