-- Claims the purge, so that no other process takes care of it for the next minute.
UPDATE control.purges SET touched_at = clock_timestamp()
WHERE tenant_id = $1 AND attempt = $2 AND state = 'running' AND touched_at < clock_timestamp() - make_interval(secs => $3)
RETURNING tenant_id
