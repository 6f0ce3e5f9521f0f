-- Writes what is proved of a resource, under the lease. What is gone is dead in the ledger ($12) too. The audit log has what became
-- of it once, however often it is asked. No row: the lease has ended.
WITH leased AS (
    SELECT tenant_id FROM control.tenants
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp() FOR SHARE
), before AS (
    SELECT i.outcome FROM control.purge_items i JOIN leased USING (tenant_id) WHERE i.kind = $4 AND i.name = $5
), written AS (
    INSERT INTO control.purge_items (tenant_id, step, kind, name, external_id, asked_at, answered, outcome, why, until)
    SELECT tenant_id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM leased
    ON CONFLICT ON CONSTRAINT purge_items_pkey DO UPDATE
    SET step = excluded.step, external_id = excluded.external_id, asked_at = excluded.asked_at, answered = excluded.answered,
        outcome = excluded.outcome, why = excluded.why, until = excluded.until
    RETURNING *
), dead AS (
    UPDATE control.resources r SET dead_at = clock_timestamp()
    FROM written WHERE r.id = $12 AND r.tenant_id = written.tenant_id AND r.dead_at IS NULL AND written.outcome <> 'kept'
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $13, 'tenant.purge_resource', tenant_id, $2,
           jsonb_build_object('kind', kind, 'name', name, 'external_id', external_id),
           jsonb_build_object('outcome', outcome, 'answered', answered, 'why', why, 'until', until)
    FROM written WHERE NOT EXISTS (SELECT FROM before WHERE before.outcome = written.outcome)
)
SELECT kind FROM written
