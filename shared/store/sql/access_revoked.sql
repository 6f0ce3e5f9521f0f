-- Nobody has a key of the tenant's projects or the password of their databases any more: closes the promise and gives the lease
-- back. No row if the lease has ended, because the tenant may have been brought back after that.
WITH released AS (
    UPDATE control.tenants SET lease_token = NULL, lease_until = NULL
    WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    RETURNING tenant_id
), revoked AS (
    UPDATE control.outbox o SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
    FROM released WHERE o.id = $3 AND o.tenant_id = released.tenant_id AND o.delivered_at IS NULL
    RETURNING o.tenant_id
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, after)
    SELECT $5, 'tenant.revoke_access', tenant_id, $2, jsonb_build_object('projects', $4::text[]) FROM revoked
)
SELECT tenant_id FROM revoked
