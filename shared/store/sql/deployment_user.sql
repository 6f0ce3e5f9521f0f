-- Whether the role exists, and whether it has another purpose: it owns something in another database or has a right there,
-- is a member of a role, or may do more than log in.
SELECT role.oid IS NOT NULL AS "exists",
       coalesce(role.rolsuper OR role.rolcreaterole OR role.rolcreatedb OR role.rolreplication OR role.rolbypassrls, false)
       OR EXISTS (SELECT FROM pg_auth_members AS membership WHERE membership.member = role.oid)
       OR EXISTS (
           SELECT FROM pg_shdepend AS use
           JOIN pg_database AS here ON here.datname = current_database()
           WHERE use.refclassid = 'pg_authid'::regclass AND use.refobjid = role.oid
             AND CASE
                     WHEN use.dbid <> 0 THEN use.dbid <> here.oid
                     ELSE use.classid = 'pg_database'::regclass AND use.objid <> here.oid
                 END
       ) AS has_other_purpose
FROM (VALUES ($1::text)) AS wanted (name)
LEFT JOIN pg_roles AS role ON role.rolname = wanted.name
