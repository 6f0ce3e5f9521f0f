-- For how many seconds the oldest run has been at work, and the oldest promise open; null if there is none. A run begins when
-- somebody asks for its attempt, as the audit log says.
SELECT
    (SELECT extract(epoch FROM clock_timestamp() - min(begun.at))::float8
     FROM control.tenants t
     CROSS JOIN LATERAL (SELECT coalesce(max(a.at), t.updated_at) AS at FROM control.audit_log a
                         WHERE a.tenant_id = t.tenant_id AND a.action IN ('tenant.create', 'tenant.resume', 'tenant.restore')) begun
     WHERE t.provisioning_state = 'provisioning') AS run_secs,
    (SELECT extract(epoch FROM clock_timestamp() - min(created_at))::float8
     FROM control.outbox WHERE delivered_at IS NULL) AS promise_secs
