-- Reads why a step could not begin.
SELECT t.provisioning_state, t.attempt, s.state AS step_state
FROM control.tenants t JOIN control.provisioning_steps s ON s.tenant_id = t.tenant_id AND s.step = $2
WHERE t.tenant_id = $1
