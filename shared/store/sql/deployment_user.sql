-- Whether the role exists, and whether it owns something in another database or has a right there.
SELECT role.oid IS NOT NULL AS "exists", EXISTS (
    SELECT FROM pg_shdepend AS use
    JOIN pg_database AS here ON here.datname = current_database()
    WHERE use.refclassid = 'pg_authid'::regclass AND use.refobjid = role.oid
      AND CASE
              WHEN use.dbid <> 0 THEN use.dbid <> here.oid
              ELSE use.classid = 'pg_database'::regclass AND use.objid <> here.oid
          END
) AS used_elsewhere
FROM (VALUES ($1::text)) AS wanted (name)
LEFT JOIN pg_roles AS role ON role.rolname = wanted.name
