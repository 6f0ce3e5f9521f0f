-- Whether a purge that could not be failed is under way, so that somebody holds the lease.
SELECT FROM control.purges WHERE tenant_id = $1 AND attempt = $2 AND state = 'running'
