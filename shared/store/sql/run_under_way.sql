-- Whether a run that could not be failed is under way, so that somebody holds the lease.
SELECT FROM control.tenants WHERE tenant_id = $1 AND attempt = $2 AND provisioning_state = 'provisioning'
