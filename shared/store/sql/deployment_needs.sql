-- What the owner of the schema may do, and which of the application's roles ($1) exist.
SELECT has_database_privilege(current_database(), 'CREATE') AS creates_in_database,
       coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false) AS creates_in_public,
       ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1::text[])) AS existing
