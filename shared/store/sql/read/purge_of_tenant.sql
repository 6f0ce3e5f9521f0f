-- A tenant's purge, and where it goes on.
SELECT p.*, (SELECT min(s.step) FROM control.purge_steps s WHERE s.tenant_id = p.tenant_id AND s.state <> 'completed') AS next_step
FROM control.purges p WHERE p.tenant_id = $1
