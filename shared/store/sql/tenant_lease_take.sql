-- Takes the tenant's lease for billing outside the pipeline. Neither version nor updated_at changes. No row: another
-- invocation holds the lease, the tenant is in another state, or there is no such tenant.
UPDATE control.tenants
SET lease_token = $2, lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE tenant_id = $1 AND provisioning_state = ANY($4)
  AND (lease_token IS NULL OR lease_token = $2 OR lease_until <= clock_timestamp())
RETURNING *
