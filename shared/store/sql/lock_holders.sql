-- Everybody may see who holds a lock and which session that is; what the session does, only its own role and a member
-- of pg_read_all_stats.
SELECT pid, coalesce(activity.usename, 'the server') AS "user", activity.application_name AS application,
       coalesce(activity.state, 'state not visible') AS state
FROM pg_locks AS lock
JOIN pg_stat_activity AS activity USING (pid)
WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1 AND pid <> pg_backend_pid()
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (lock.classid::bigint << 32) + lock.objid::bigint = $1::bigint
