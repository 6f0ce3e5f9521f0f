-- Reads why a lease could not be taken.
SELECT provisioning_state FROM control.tenants WHERE tenant_id = $1
