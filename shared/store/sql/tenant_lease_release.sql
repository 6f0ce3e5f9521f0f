-- Gives the lease back, unless another invocation holds it now.
UPDATE control.tenants SET lease_token = NULL, lease_until = NULL
WHERE tenant_id = $1 AND lease_token = $2
RETURNING tenant_id
