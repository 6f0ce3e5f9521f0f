-- Writes a tier change once Stripe is at the new tier. One statement changes the row, closes the intent and ends the
-- lease. No row if the lease has ended, the tenant is not active any more, or it changed since the caller read it. In
-- these cases the intent stays open, and the reconciler sets Stripe to the row's tier.
WITH before AS (
    SELECT tenant_id, display_name, tier, custom_domain, stripe_customer_id FROM control.tenants
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
      AND provisioning_state = 'active' AND ($3::bigint IS NULL OR version = $3)
    FOR UPDATE
), retiered AS (
    UPDATE control.tenants t
    SET tier = $4, stripe_customer_id = coalesce($5, t.stripe_customer_id),
        display_name = coalesce($6, t.display_name), custom_domain = CASE WHEN $7 THEN $8 ELSE t.custom_domain END,
        lost_domain = CASE WHEN NOT $7 THEN t.lost_domain END,
        lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp(), version = t.version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), settled AS (
    UPDATE control.outbox o SET delivered_at = clock_timestamp(), attempts = o.attempts + 1, last_error = NULL
    FROM retiered WHERE o.id = $9 AND o.tenant_id = retiered.tenant_id AND o.delivered_at IS NULL
), promised AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload) SELECT $10, tenant_id, 'invalidate_cache', $11 FROM retiered
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $12, 'tenant.update', retiered.tenant_id, $13, $14, to_jsonb(before.*) - 'tenant_id',
           jsonb_build_object('display_name', retiered.display_name, 'tier', retiered.tier,
                              'custom_domain', retiered.custom_domain, 'stripe_customer_id', retiered.stripe_customer_id)
    FROM retiered JOIN before USING (tenant_id)
)
SELECT * FROM retiered
