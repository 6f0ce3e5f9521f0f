-- Whether the lease is still held and outlasts a call of that length.
SELECT FROM control.tenants
WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp() + make_interval(secs => $3)
