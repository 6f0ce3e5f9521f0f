-- What the statements in sql/read/ need. Reading is given by table: until the grants after a migration, a statement that says
-- `*` would fail on a new column.
GRANT SELECT ON control.audit_log TO {role};
GRANT SELECT ON control.audit_seals TO {role};
GRANT SELECT ON control.provisioning_steps TO {role};
GRANT SELECT ON control.purge_items TO {role};
GRANT SELECT ON control.purge_steps TO {role};
GRANT SELECT ON control.purges TO {role};
GRANT SELECT ON control.resources TO {role};
GRANT SELECT ON control.tenants TO {role};
GRANT SELECT ON control.verdicts TO {role};
GRANT SELECT ON lakehouse.sync_targets TO {role};
GRANT SELECT ON lakehouse.tenant_catalogs TO {role};
