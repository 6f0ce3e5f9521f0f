SELECT step, state, attempts, started_at, finished_at, waiting_for, next_retry_at, cause
FROM control.purge_steps WHERE tenant_id = $1 ORDER BY step
