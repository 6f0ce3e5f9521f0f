-- Whether a DELETE, or a purge, ever asked for the tenant's keys and password to be revoked. They may have been, or some of them.
SELECT WHERE EXISTS (SELECT FROM control.outbox WHERE tenant_id = $1 AND kind = 'revoke_access')
          OR EXISTS (SELECT FROM control.purge_steps WHERE tenant_id = $1 AND step = 1 AND attempts > 0)
