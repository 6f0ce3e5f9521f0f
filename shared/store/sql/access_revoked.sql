-- Whether a DELETE ever asked for the tenant's keys and password to be revoked. They may have been, or some of them.
SELECT FROM control.outbox WHERE tenant_id = $1 AND kind = 'revoke_access' LIMIT 1
