-- A promise of kind $6 is kept: closes it and gives the lease back. With something to show for it, the audit log has it. No row
-- if the lease has ended, because the tenant may have been brought back after that.
WITH released AS (
    UPDATE control.tenants SET lease_token = NULL, lease_until = NULL
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
), done AS (
    UPDATE control.outbox o SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
    FROM released WHERE o.id = $3 AND o.tenant_id = released.tenant_id AND o.delivered_at IS NULL
    RETURNING o.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, after)
    SELECT $5, 'tenant.' || $6, tenant_id, $2, $4::jsonb FROM done WHERE $4::jsonb IS NOT NULL
)
SELECT tenant_id FROM done
