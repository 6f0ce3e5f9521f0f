-- When a tenant's retrieval period begins. Null: it is not deprovisioned.
SELECT CASE provisioning_state WHEN 'deprovisioned' THEN deprovisioned_at END AS deprovisioned_at, clock_timestamp() AS now
FROM control.tenants WHERE tenant_id = $1
