-- Where the tenant's run goes on.
SELECT min(step) AS step FROM control.provisioning_steps WHERE tenant_id = $1 AND state <> 'completed'
