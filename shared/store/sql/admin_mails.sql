-- The mails to a tenant's admins within an hour: how many there were, and when the first of them is an hour old. A mail that
-- certainly was not sent does not count.
SELECT count(*) AS mails,
       coalesce(extract(epoch FROM min(sent_at) + interval '1 hour' - clock_timestamp()), 0)::float8 AS until_fewer
FROM control.resources
WHERE tenant_id = $1 AND kind = 'admin_mail' AND (confirmed_at IS NOT NULL OR dead_at IS NULL)
  AND sent_at > clock_timestamp() - interval '1 hour'
