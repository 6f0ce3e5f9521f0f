-- A tenant with its nine steps, read in one statement.
SELECT t.*, s.step, s.state, s.attempts, s.started_at, s.finished_at, s.waiting_for, s.next_retry_at, s.cause
FROM control.tenants t JOIN control.provisioning_steps s USING (tenant_id)
WHERE t.slug = $1 ORDER BY s.step
