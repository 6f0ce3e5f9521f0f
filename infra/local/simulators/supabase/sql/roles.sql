-- The API's roles are cluster-wide. The lock is for several stand-ins that share one cluster. These statements are one
-- transaction, and the lock is held until its end.
SELECT pg_advisory_xact_lock(5432170001);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
        END IF;
    END LOOP;
    ALTER ROLE service_role BYPASSRLS;
END
$$;
