-- Step 9's transaction: activates the tenant, and writes the promises that follow from that to the outbox. No row if
-- the lease has ended, or if the tier is not the one that was billed.
WITH activated AS (
    UPDATE control.tenants
    SET provisioning_state = 'active', is_active = true, lease_token = NULL, lease_until = NULL,
        stripe_customer_id = $3, activated_at = clock_timestamp(),
        touched_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp() AND tier = $4
      AND provisioning_state = 'provisioning'
    RETURNING *
), step AS (
    UPDATE control.provisioning_steps s
    SET state = 'completed', finished_at = clock_timestamp(), waiting_for = NULL, next_retry_at = NULL, cause = NULL
    FROM activated WHERE s.tenant_id = activated.tenant_id AND s.step = 9
), promised AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload)
    SELECT row.id, activated.tenant_id, row.kind, row.payload FROM activated,
        (VALUES ($5::uuid, 'invalidate_cache', $6::jsonb), ($7::uuid, 'publish_event', $8::jsonb)) AS row (id, kind, payload)
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $9, 'tenant.activate', tenant_id, $2, jsonb_build_object('provisioning_state', 'provisioning', 'is_active', false),
           jsonb_build_object('provisioning_state', provisioning_state, 'is_active', is_active, 'attempt', attempt, 'tier', tier)
    FROM activated
)
SELECT tenant_id FROM activated
