-- Which corrections are too late: an invitation was begun (address), billing was begun (name, tier).
SELECT coalesce(bool_or(kind = 'admin_user'), false) AS invited,
       coalesce(bool_or(kind IN ('stripe_customer', 'stripe_subscription')), false) AS billed
FROM control.resources WHERE tenant_id = $1 AND dead_at IS NULL
