-- The resource was never created, or does not exist any more. What existed and is gone is audited.
WITH dead AS (
    UPDATE control.resources r SET dead_at = clock_timestamp()
    FROM control.tenants t
    WHERE r.id = $1 AND r.dead_at IS NULL AND t.tenant_id = r.tenant_id AND t.lease_token = $2 AND t.lease_until > clock_timestamp()
    RETURNING r.*
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before)
    SELECT $3, 'tenant.give_up_resource', tenant_id, $2,
           jsonb_build_object('kind', kind, 'name', name, 'generation', generation, 'external_id', external_id)
    FROM dead WHERE external_id IS NOT NULL
)
SELECT generation FROM dead
