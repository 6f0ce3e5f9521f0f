-- Why a run could not be failed, or a lease not taken.
SELECT provisioning_state, attempt FROM control.tenants WHERE tenant_id = $1
