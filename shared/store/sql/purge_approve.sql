-- waiting_approval → running. Whoever asked cannot approve, with whichever key. No row: the tenant's row changed since it was read.
WITH tenant AS (
    SELECT tenant_id FROM control.tenants
    WHERE tenant_id = $1 AND version = $2 AND provisioning_state = 'deprovisioned' AND hold_at IS NULL
    FOR UPDATE
), approved AS (
    UPDATE control.purges p
    SET state = 'running', approved_by = $4, approved_at = clock_timestamp(), correlation_id = $3, touched_at = clock_timestamp()
    FROM tenant
    WHERE p.tenant_id = tenant.tenant_id AND p.state = 'waiting_approval' AND split_part(p.requested_by, '#', 1) <> split_part($4, '#', 1)
    RETURNING p.*
), seen AS (
    UPDATE control.tenants t SET version = t.version + 1, updated_at = clock_timestamp()
    FROM approved WHERE t.tenant_id = approved.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $4, 'tenant.purge_approve', tenant_id, $5, $6, jsonb_build_object('state', 'waiting_approval'),
           jsonb_build_object('state', state, 'attempt', attempt, 'requested_by', requested_by, 'customer', customer, 'data', data,
                              'reason', reason)
    FROM approved
)
SELECT * FROM approved
