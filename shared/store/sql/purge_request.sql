-- Asks for a purge, or asks anew: while nobody has approved it, and after the tenant was restored and deprovisioned again. A further
-- try has a number of its own, so that no execution of before is its own. No row: the tenant's row changed since it was read.
WITH tenant AS (
    SELECT tenant_id, slug FROM control.tenants
    WHERE tenant_id = $1 AND version = $2 AND provisioning_state = 'deprovisioned' AND hold_at IS NULL
    FOR UPDATE
), requested AS (
    INSERT INTO control.purges AS p
        (tenant_id, slug, state, customer, data, no_return_step, retrieval_days, reason, requested_by, correlation_id)
    SELECT tenant_id, slug, $3, $4, $5, $6, $7, $8, $9, $10 FROM tenant
    ON CONFLICT ON CONSTRAINT purges_pkey DO UPDATE
    SET state = excluded.state, customer = excluded.customer, data = excluded.data, no_return_step = excluded.no_return_step,
        no_return_at = NULL, retrieval_days = excluded.retrieval_days, reason = excluded.reason,
        requested_by = excluded.requested_by, requested_at = clock_timestamp(), approved_by = NULL, approved_at = NULL,
        correlation_id = excluded.correlation_id, touched_at = clock_timestamp(), attempt = p.attempt + 1
    WHERE p.state IN ('waiting_approval', 'withdrawn')
    RETURNING p.*
), steps AS (
    INSERT INTO control.purge_steps AS s (tenant_id, step) SELECT requested.tenant_id, step FROM requested, generate_series(1, 8) AS step
    ON CONFLICT ON CONSTRAINT purge_steps_pkey DO UPDATE
    SET state = 'pending', attempts = 0, started_at = NULL, finished_at = NULL, waiting_for = NULL, next_retry_at = NULL, cause = NULL
), items AS (
    DELETE FROM control.purge_items i USING requested WHERE i.tenant_id = requested.tenant_id
), seen AS (
    UPDATE control.tenants t SET version = t.version + 1, updated_at = clock_timestamp()
    FROM requested WHERE t.tenant_id = requested.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, after)
    SELECT $9, 'tenant.purge_request', tenant_id, $11, $12,
           jsonb_build_object('state', state, 'attempt', attempt, 'slug', slug, 'customer', customer, 'data', data,
                              'retrieval_days', retrieval_days, 'reason', reason)
    FROM requested
)
SELECT * FROM requested
