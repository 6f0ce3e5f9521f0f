-- deprovisioned → provisioning: the next attempt, with all nine steps before it. How often a step was tried is kept: it says that
-- the tenant's project may hold data. The tenant's domain comes back unless somebody else has it by now; if somebody takes it in
-- this moment, the constraint refuses the statement. What the DELETE left to be done for a tenant that is off is superseded. Its
-- billing intent is not: it is settled with the tier that the tenant has, or the run does that. A purge that
-- lost nothing yet is withdrawn. No row if the tenant changed since the caller read it, is under a legal hold, is being purged or
-- was, or somebody may still act for it.
WITH before AS (
    SELECT t.tenant_id, t.provisioning_state, t.attempt, t.custom_domain, t.lost_domain,
           coalesce(t.custom_domain, t.lost_domain) AS domain,
           EXISTS (SELECT FROM control.tenants o
                   WHERE o.custom_domain = coalesce(t.custom_domain, t.lost_domain) AND o.tenant_id <> t.tenant_id
                     AND o.provisioning_state <> 'deprovisioned') AS taken
    FROM control.tenants t
    WHERE t.tenant_id = $1 AND t.provisioning_state = 'deprovisioned' AND t.version = $2 AND t.hold_at IS NULL
      AND (t.lease_token IS NULL OR t.lease_until <= clock_timestamp())
      AND NOT EXISTS (SELECT FROM control.purges p
                      WHERE p.tenant_id = t.tenant_id AND (p.state = 'running' OR p.no_return_at IS NOT NULL))
    FOR UPDATE OF t
), restored AS (
    UPDATE control.tenants t
    SET provisioning_state = 'provisioning', attempt = t.attempt + 1, lease_token = NULL, lease_until = NULL,
        custom_domain = CASE WHEN NOT before.taken THEN before.domain END,
        lost_domain = CASE WHEN before.taken THEN before.domain END,
        restored_at = clock_timestamp(), correlation_id = $3,
        touched_at = clock_timestamp(), updated_at = clock_timestamp(), version = t.version + 1
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), steps AS (
    UPDATE control.provisioning_steps s
    SET state = 'pending', started_at = NULL, finished_at = NULL, waiting_for = NULL, next_retry_at = NULL, cause = NULL
    FROM restored WHERE s.tenant_id = restored.tenant_id
), superseded AS (
    UPDATE control.outbox o SET delivered_at = clock_timestamp(), last_error = NULL
    FROM restored
    WHERE o.tenant_id = restored.tenant_id AND o.kind IN ('switch_off_graph_user', 'revoke_access') AND o.delivered_at IS NULL
), withdrawn AS (
    UPDATE control.purges p SET state = 'withdrawn', cause = NULL
    FROM restored WHERE p.tenant_id = restored.tenant_id AND p.state IN ('waiting_approval', 'failed')
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $4, 'tenant.restore', restored.tenant_id, $5, $6, to_jsonb(before.*) - '{tenant_id,domain,taken}'::text[],
           jsonb_build_object('provisioning_state', restored.provisioning_state, 'attempt', restored.attempt,
                              'custom_domain', restored.custom_domain, 'lost_domain', restored.lost_domain)
    FROM restored JOIN before USING (tenant_id)
)
SELECT * FROM restored
