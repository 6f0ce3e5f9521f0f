-- Reads why a step of a purge could not begin.
SELECT t.provisioning_state, t.hold_at IS NOT NULL AS held, p.state, p.attempt, s.state AS step_state
FROM control.tenants t JOIN control.purges p USING (tenant_id) JOIN control.purge_steps s ON s.tenant_id = t.tenant_id AND s.step = $2
WHERE t.tenant_id = $1
