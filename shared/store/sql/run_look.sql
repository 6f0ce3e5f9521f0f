-- Why a run could not be failed.
SELECT provisioning_state, attempt FROM control.tenants WHERE tenant_id = $1
