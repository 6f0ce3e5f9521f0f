-- Which corrections are too late: an invitation was begun (address), billing was begun (name, tier). A step that is at work may
-- begin its effect at any moment.
WITH working AS (
    SELECT s.step FROM control.tenants t JOIN control.provisioning_steps s USING (tenant_id)
    WHERE t.tenant_id = $1 AND t.lease_until > clock_timestamp() AND s.state IN ('running', 'waiting')
), begun AS (
    SELECT kind FROM control.resources WHERE tenant_id = $1 AND dead_at IS NULL
)
SELECT EXISTS (SELECT FROM begun WHERE kind = 'admin_user') OR EXISTS (SELECT FROM working WHERE step = 5) AS invited,
       EXISTS (SELECT FROM begun WHERE kind IN ('stripe_customer', 'stripe_subscription'))
           OR EXISTS (SELECT FROM working WHERE step = 9) AS billed
