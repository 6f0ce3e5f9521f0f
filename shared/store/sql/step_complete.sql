-- One statement sets the step's columns, completes the step and ends the lease.
WITH released AS (
    UPDATE control.tenants
    SET lease_token = NULL, lease_until = NULL, touched_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1,
        supabase_project_ref = coalesce($4, supabase_project_ref),
        supabase_url = coalesce($5, supabase_url),
        schema_version = coalesce($6, schema_version),
        falkordb_graph_name = coalesce($7, falkordb_graph_name),
        opensearch_alias = coalesce($8, opensearch_alias)
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
)
UPDATE control.provisioning_steps s
SET state = 'completed', finished_at = clock_timestamp(), waiting_for = NULL, next_retry_at = NULL, cause = NULL
FROM released WHERE s.tenant_id = released.tenant_id AND s.step = $3
RETURNING s.step
