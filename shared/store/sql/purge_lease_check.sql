-- Whether the lease is still held and outlasts a call of that length. A hold ends a purge's right to delete anything at once.
SELECT FROM control.tenants
WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp() + make_interval(secs => $3) AND hold_at IS NULL
