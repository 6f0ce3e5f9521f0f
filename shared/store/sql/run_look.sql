-- Reads why a run could not be failed, or why a lease could not be taken.
SELECT provisioning_state, attempt FROM control.tenants WHERE tenant_id = $1
