-- The last step's transaction: the certificate is kept, and the slug is free in the same statement ($4, by a trigger): the tenant's row
-- gets its own id for one. No row: the lease has ended, the tenant is held, or another step is not completed.
WITH tenant AS (
    SELECT tenant_id FROM control.tenants
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp() AND provisioning_state = 'deprovisioned'
      AND hold_at IS NULL
    FOR UPDATE
), done AS (
    UPDATE control.purges p
    SET state = 'done', certificate = $3, slug_released = $4, finished_at = clock_timestamp(), touched_at = clock_timestamp()
    FROM tenant
    WHERE p.tenant_id = tenant.tenant_id AND p.state = 'running' AND p.attempt = $5
      AND NOT EXISTS (SELECT FROM control.purge_steps s WHERE s.tenant_id = $1 AND s.step < 8 AND s.state <> 'completed')
    RETURNING p.*
), step AS (
    UPDATE control.purge_steps s
    SET state = 'completed', finished_at = clock_timestamp(), waiting_for = NULL, next_retry_at = NULL, cause = NULL
    FROM done WHERE s.tenant_id = done.tenant_id AND s.step = 8
), released AS (
    UPDATE control.tenants t
    SET lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp(), version = t.version + 1
    FROM done WHERE t.tenant_id = done.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT $6, 'tenant.purge', tenant_id, $2, jsonb_build_object('slug', slug),
           jsonb_build_object('state', state, 'attempt', attempt, 'slug_released', slug_released)
    FROM done
)
SELECT tenant_id FROM done
