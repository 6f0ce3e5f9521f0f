-- Purges that show no sign of life, while nobody holds the tenant's lease.
SELECT p.* FROM control.purges p JOIN control.tenants t USING (tenant_id)
WHERE p.state = 'running' AND p.touched_at < clock_timestamp() - make_interval(secs => $1)
  AND (t.lease_token IS NULL OR t.lease_until <= clock_timestamp())
ORDER BY p.touched_at LIMIT $2
