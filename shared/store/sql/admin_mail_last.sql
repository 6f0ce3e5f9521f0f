-- The tenant's last further mail, if everything behind it is done.
SELECT name, request, extract(epoch FROM clock_timestamp() - sent_at)::float8 AS age_secs
FROM (SELECT * FROM control.resources WHERE tenant_id = $1 AND kind = 'admin_mail' ORDER BY generation DESC LIMIT 1) AS last
WHERE dead_at IS NOT NULL AND confirmed_at IS NOT NULL
