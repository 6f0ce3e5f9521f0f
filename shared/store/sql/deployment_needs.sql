-- What the owner of the schema may do, and whether the application's role ($1) exists.
SELECT has_database_privilege(current_database(), 'CREATE') AS creates_in_database,
       coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false) AS creates_in_public,
       EXISTS (SELECT FROM pg_roles WHERE rolname = $1::text) AS application_exists
