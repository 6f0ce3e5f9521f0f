-- Deactivates a tenant. Raising the attempt supersedes its run, and none of its steps runs or is tried again. A lease
-- that is held is fenced: it gets a new token, so its holder can write nothing any more, and no other invocation acts
-- before the holder's calls are over. Billing has to be settled if it was begun, or may have been begun after this
-- statement read the ledger. If the request for the subscription was not answered, settling waits two minutes: an
-- invocation may have sent it again a moment ago and then given the lease back. The user of the graph has to be switched off
-- if there is one, or if a step may be making it; the project's keys and password have to be revoked in the same case, where
-- that is wanted ($11). The custom domain is free from now on, since only the tenants that are not deprovisioned keep theirs
-- from others.
WITH before AS (
    SELECT tenant_id, provisioning_state, is_active, attempt, error_message, custom_domain, tier, lease_until,
           coalesce(lease_until > clock_timestamp(), false) AS leased
    FROM control.tenants
    WHERE tenant_id = $1 AND provisioning_state <> 'deprovisioned' AND ($8::bigint IS NULL OR version = $8)
    FOR UPDATE
), deactivated AS (
    UPDATE control.tenants t
    SET provisioning_state = 'deprovisioned', is_active = false, error_message = NULL,
        attempt = t.attempt + CASE before.provisioning_state WHEN 'provisioning' THEN 1 ELSE 0 END,
        lease_token = CASE WHEN before.leased THEN 'fenced' END, lease_until = CASE WHEN before.leased THEN before.lease_until END,
        touched_at = clock_timestamp(), updated_at = clock_timestamp(), version = t.version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*, before.provisioning_state AS state_before
), steps AS (
    UPDATE control.provisioning_steps s
    SET state = 'pending', waiting_for = NULL, next_retry_at = NULL
    FROM deactivated WHERE s.tenant_id = deactivated.tenant_id AND s.state IN ('pending', 'running', 'waiting')
), promised AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload) SELECT $2, tenant_id, 'invalidate_cache', $3 FROM deactivated
), unsettled AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload, next_attempt_at)
    SELECT $4, before.tenant_id, 'settle_billing', '{}',
           greatest(CASE WHEN before.leased THEN before.lease_until ELSE clock_timestamp() END,
                    CASE WHEN EXISTS (SELECT FROM control.resources r
                                      WHERE r.tenant_id = before.tenant_id AND r.kind = 'stripe_subscription'
                                        AND r.confirmed_at IS NULL AND r.dead_at IS NULL)
                           OR EXISTS (SELECT FROM control.outbox o
                                      WHERE o.tenant_id = before.tenant_id AND o.kind = 'settle_billing'
                                        AND o.delivered_at IS NULL)
                         THEN clock_timestamp() + interval '2 minutes' END)
    FROM before
    WHERE before.leased OR before.tier <> 'pilot'
       OR EXISTS (SELECT FROM control.resources r
                  WHERE r.tenant_id = before.tenant_id AND r.kind IN ('stripe_customer', 'stripe_subscription'))
), open AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload, next_attempt_at)
    SELECT $9, before.tenant_id, 'switch_off_graph_user', '{}',
           CASE WHEN before.leased THEN before.lease_until ELSE clock_timestamp() END
    FROM before
    WHERE before.leased OR EXISTS (SELECT FROM control.resources r
                                   WHERE r.tenant_id = before.tenant_id AND r.kind = 'graph' AND r.dead_at IS NULL)
), unrevoked AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload, next_attempt_at)
    SELECT $10, before.tenant_id, 'revoke_access', '{}',
           CASE WHEN before.leased THEN before.lease_until ELSE clock_timestamp() END
    FROM before
    WHERE $11::boolean AND (before.leased OR EXISTS (SELECT FROM control.resources r
                                                     WHERE r.tenant_id = before.tenant_id AND r.kind = 'supabase_project'
                                                       AND r.dead_at IS NULL))
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $5, 'tenant.deactivate', d.tenant_id, $6, $7, to_jsonb(before.*) - '{tenant_id,tier,lease_until,leased}'::text[],
           jsonb_build_object('provisioning_state', d.provisioning_state, 'is_active', d.is_active, 'attempt', d.attempt,
                              'custom_domain', NULL)
    FROM deactivated d JOIN before USING (tenant_id)
)
SELECT * FROM deactivated
