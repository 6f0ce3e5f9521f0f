-- The tenant's admin got another mail, or another admin did: $3 is the address, $4 the ledger's row of the mail, $5 the user.
-- One statement ends the mail's row with what was done, writes address and user into row and ledger, and gives the lease back. If the address is
-- another one, Stripe's customer and the middleware's cache have to follow. No row if the lease has ended.
WITH before AS (
    SELECT tenant_id, admin_email, attempt, admin_email <> $3 AS differs FROM control.tenants
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    FOR UPDATE
), invited AS (
    UPDATE control.tenants t
    SET admin_email = $3, lease_token = NULL, lease_until = NULL, version = t.version + before.differs::integer,
        updated_at = CASE WHEN before.differs THEN clock_timestamp() ELSE t.updated_at END
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), mail AS (
    UPDATE control.resources r SET dead_at = clock_timestamp(), request = $13 FROM before
    WHERE r.id = $4 AND r.tenant_id = before.tenant_id AND r.dead_at IS NULL
), former AS (
    UPDATE control.resources r SET dead_at = clock_timestamp() FROM before
    WHERE r.tenant_id = before.tenant_id AND r.kind = 'admin_user' AND r.dead_at IS NULL
      AND (r.name, r.external_id) IS DISTINCT FROM ($3, $5)
    RETURNING r.id
), admin AS (
    -- Counting the former rows first ends them before the next one is there.
    INSERT INTO control.resources (id, tenant_id, kind, generation, name, step, attempt, external_id, confirmed_at)
    SELECT $6, before.tenant_id, 'admin_user',
           (SELECT coalesce(max(r.generation), 0) + 1 FROM control.resources r
            WHERE r.tenant_id = before.tenant_id AND r.kind = 'admin_user'),
           $3, 5, before.attempt, $5, clock_timestamp()
    FROM before, (SELECT count(*) FROM former) AS ended
    WHERE NOT EXISTS (SELECT FROM control.resources r
                      WHERE r.tenant_id = before.tenant_id AND r.kind = 'admin_user' AND r.dead_at IS NULL
                        AND r.name = $3 AND r.external_id = $5)
), promised AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload)
    SELECT $7, tenant_id, 'invalidate_cache', $8 FROM before WHERE differs
), unsettled AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload)
    SELECT $9, tenant_id, 'settle_billing', '{}' FROM before
    WHERE differs AND EXISTS (SELECT FROM control.resources r
                              WHERE r.tenant_id = before.tenant_id AND r.kind = 'stripe_customer' AND r.dead_at IS NULL)
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $10, 'tenant.invite', invited.tenant_id, $11, $14, jsonb_build_object('admin_email', before.admin_email),
           jsonb_build_object('admin_email', invited.admin_email, 'kind', $12::text)
    FROM invited JOIN before USING (tenant_id)
)
SELECT * FROM invited
