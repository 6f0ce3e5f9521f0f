-- Nobody runs this attempt: as idle as can be.
UPDATE control.tenants SET touched_at = to_timestamp(0)
WHERE tenant_id = $1 AND attempt = $2 AND provisioning_state = 'provisioning'
RETURNING tenant_id
