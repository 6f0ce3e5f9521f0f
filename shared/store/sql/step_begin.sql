-- Takes the tenant's lease for one invocation of one step, and records that the step is running. No row: the attempt is
-- superseded, or another invocation holds the lease. A poll of a wait does not count as a try. If a cause had kept the
-- step from beginning, it is removed.
WITH leased AS (
    UPDATE control.tenants
    SET lease_token = $4, lease_until = clock_timestamp() + make_interval(secs => $5), touched_at = clock_timestamp()
    WHERE tenant_id = $1 AND attempt = $2 AND provisioning_state = 'provisioning'
      AND (lease_token IS NULL OR lease_token = $4 OR lease_until <= clock_timestamp())
      AND EXISTS (SELECT FROM control.provisioning_steps s WHERE s.tenant_id = $1 AND s.step = $3 AND s.state <> 'completed')
    RETURNING *
), begun AS (
    UPDATE control.provisioning_steps s
    SET state = CASE s.state WHEN 'waiting' THEN 'waiting' ELSE 'running' END,
        attempts = s.attempts + CASE s.state WHEN 'waiting' THEN 0 ELSE 1 END,
        started_at = coalesce(s.started_at, clock_timestamp()), finished_at = NULL, next_retry_at = NULL,
        cause = CASE WHEN s.started_at IS NOT NULL THEN s.cause END
    FROM leased WHERE s.tenant_id = leased.tenant_id AND s.step = $3
    RETURNING s.tenant_id, s.started_at AS step_started_at, extract(epoch FROM clock_timestamp() - s.started_at)::float8 AS begun_secs
)
SELECT leased.*, begun.begun_secs FROM leased JOIN begun USING (tenant_id)
