-- The project is gone or will never become healthy, and nothing was built in it. Its ledger row is marked as dead and
-- step 1 starts over, so the next POST builds a new project.
WITH held AS (
    SELECT tenant_id, supabase_project_ref, supabase_url FROM control.tenants
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp() FOR UPDATE
), dead AS (
    UPDATE control.resources r SET dead_at = clock_timestamp()
    FROM held WHERE r.tenant_id = held.tenant_id AND r.kind = 'supabase_project' AND r.dead_at IS NULL
), reset AS (
    UPDATE control.provisioning_steps s
    SET state = 'pending', finished_at = NULL, started_at = NULL, waiting_for = NULL, next_retry_at = NULL, cause = NULL
    FROM held WHERE s.tenant_id = held.tenant_id AND s.step = 1
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before)
    SELECT $3, 'tenant.discard_environment', tenant_id, $2, to_jsonb(held.*) - 'tenant_id' FROM held
)
UPDATE control.tenants t SET supabase_project_ref = NULL, supabase_url = NULL, updated_at = clock_timestamp(), version = version + 1
FROM held WHERE t.tenant_id = held.tenant_id
RETURNING t.tenant_id
