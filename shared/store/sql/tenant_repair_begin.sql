-- What a repair is about to bring back: the audit log has it before the first call. No row if the lease has ended.
WITH leased AS (
    SELECT tenant_id FROM control.tenants WHERE tenant_id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
    FOR SHARE
)
INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, after)
SELECT $3, 'tenant.repair', tenant_id, $4, $5, jsonb_build_object('resources', $6::text[]) FROM leased
RETURNING tenant_id
