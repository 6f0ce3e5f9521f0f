-- Takes the tenant's lease for one invocation of one step of a purge. The tenant's row is locked before the purge's. No row: the
-- attempt is superseded, the tenant is held or was brought back, the step is completed, or another invocation holds the lease. When
-- the first step begins that cannot be undone, its time is kept for good.
WITH free AS (
    SELECT tenant_id FROM control.tenants
    WHERE tenant_id = $1 AND provisioning_state = 'deprovisioned' AND hold_at IS NULL
      AND (lease_token IS NULL OR lease_token = $4 OR lease_until <= clock_timestamp())
    FOR UPDATE
), running AS (
    UPDATE control.purges p
    SET touched_at = clock_timestamp(),
        no_return_at = CASE WHEN $3 >= p.no_return_step THEN coalesce(p.no_return_at, clock_timestamp()) ELSE p.no_return_at END
    FROM free
    WHERE p.tenant_id = free.tenant_id AND p.state = 'running' AND p.attempt = $2
      AND EXISTS (SELECT FROM control.purge_steps s WHERE s.tenant_id = $1 AND s.step = $3 AND s.state <> 'completed')
    RETURNING p.*
), begun AS (
    UPDATE control.purge_steps s
    SET state = CASE s.state WHEN 'waiting' THEN 'waiting' ELSE 'running' END,
        attempts = s.attempts + CASE s.state WHEN 'waiting' THEN 0 ELSE 1 END,
        started_at = coalesce(s.started_at, clock_timestamp()), finished_at = NULL, next_retry_at = NULL,
        cause = CASE WHEN s.started_at IS NOT NULL THEN s.cause END
    FROM running WHERE s.tenant_id = running.tenant_id AND s.step = $3
    RETURNING s.tenant_id, extract(epoch FROM clock_timestamp() - s.started_at)::float8 AS begun_secs
), leased AS (
    UPDATE control.tenants t
    SET lease_token = $4, lease_until = clock_timestamp() + make_interval(secs => $5)
    FROM begun WHERE t.tenant_id = begun.tenant_id
    RETURNING t.*
)
SELECT leased.*, begun.begun_secs, running.slug AS purge_slug, running.attempt AS purge_attempt, running.state AS purge_state,
       running.customer, running.data, running.no_return_step, running.no_return_at, running.retrieval_days, running.reason,
       running.requested_by, running.requested_at, running.approved_by, running.approved_at,
       running.correlation_id AS purge_correlation_id, running.touched_at AS purge_touched_at, running.finished_at,
       running.cause AS purge_cause, running.slug_released, running.certificate
FROM leased JOIN begun USING (tenant_id) JOIN running USING (tenant_id)
