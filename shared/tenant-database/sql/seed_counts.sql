-- What the tenant's migrations seeded, to be compared with their manifest. A tenant's own rows do not count.
SELECT (SELECT count(*) FROM iam.roles          WHERE is_system) AS roles,
       (SELECT count(*) FROM iam.permissions    WHERE is_system) AS permissions,
       (SELECT count(*) FROM iam.sod_rules      WHERE is_system) AS sod_rules,
       (SELECT count(*) FROM workflow.templates WHERE is_system) AS workflow_templates
