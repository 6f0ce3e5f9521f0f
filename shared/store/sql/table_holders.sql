-- The sessions that use tables of the control database now. Since when, only their own role and a member of
-- pg_read_all_stats may see.
SELECT pid, coalesce(activity.usename, 'the server') AS "user", activity.application_name AS application,
       coalesce(activity.state, 'state not visible') AS state
FROM pg_stat_activity AS activity
WHERE pid <> pg_backend_pid() AND EXISTS (
    SELECT FROM pg_locks AS lock
    JOIN pg_class AS class ON class.oid = lock.relation
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE lock.pid = activity.pid AND lock.granted AND lock.locktype = 'relation'
      AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND namespace.nspname IN ('control', 'lakehouse', 'public')
)
ORDER BY activity.xact_start NULLS FIRST, pid
