-- The purge could not be started, or its execution's status is unknown. Its next step, which has not begun, shows the cause. $4: it
-- counts as idle from now on.
WITH held_up AS (
    UPDATE control.purges SET touched_at = CASE WHEN $4 THEN to_timestamp(0) ELSE touched_at END
    WHERE tenant_id = $1 AND attempt = $2 AND state = 'running'
    RETURNING tenant_id
)
UPDATE control.purge_steps s
SET cause = $3, next_retry_at = clock_timestamp() + interval '1 minute'
FROM held_up
WHERE s.tenant_id = held_up.tenant_id AND s.state = 'pending' AND s.started_at IS NULL
  AND s.step = (SELECT min(step) FROM control.purge_steps WHERE tenant_id = $1 AND state <> 'completed')
RETURNING s.step
