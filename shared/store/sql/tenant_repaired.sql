-- A repair has ended: $3 is the schema that the tenant's database has now, $4 Stripe's customer, $5 the intent of the billing that
-- was settled; null is what it did not touch. One statement writes them, closes the intent, says in the audit log what came of each
-- resource, promises that the cache follows the row, and gives the lease back. No row if the lease has ended.
WITH before AS (
    SELECT tenant_id, schema_version, stripe_customer_id,
           coalesce($3::integer <> schema_version, $3::integer IS NOT NULL)
           OR coalesce($4::text <> stripe_customer_id, $4::text IS NOT NULL) AS differs
    FROM control.tenants WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    FOR UPDATE
), repaired AS (
    UPDATE control.tenants t
    SET schema_version = coalesce($3, t.schema_version), stripe_customer_id = coalesce($4, t.stripe_customer_id),
        lease_token = NULL, lease_until = NULL, version = t.version + before.differs::integer,
        updated_at = CASE WHEN before.differs THEN clock_timestamp() ELSE t.updated_at END
    FROM before WHERE t.tenant_id = before.tenant_id
    RETURNING t.*
), settled AS (
    UPDATE control.outbox o SET delivered_at = clock_timestamp(), attempts = o.attempts + 1, last_error = NULL
    FROM repaired WHERE o.id = $5 AND o.tenant_id = repaired.tenant_id AND o.delivered_at IS NULL
), promised AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload)
    SELECT $6, tenant_id, 'invalidate_cache', $7 FROM before WHERE differs
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
    SELECT $8, 'tenant.repaired', repaired.tenant_id, $9, $10, to_jsonb(before.*) - 'tenant_id' - 'differs',
           jsonb_build_object('schema_version', repaired.schema_version, 'stripe_customer_id', repaired.stripe_customer_id,
                              'resources', $11::jsonb)
    FROM repaired JOIN before USING (tenant_id)
)
SELECT * FROM repaired
