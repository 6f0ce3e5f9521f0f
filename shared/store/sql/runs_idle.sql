SELECT * FROM control.tenants
WHERE provisioning_state = 'provisioning' AND touched_at < clock_timestamp() - make_interval(secs => $1)
  AND (lease_token IS NULL OR lease_until <= clock_timestamp())
ORDER BY touched_at LIMIT $2
