-- Counts what the migrations seeded, without the rows that the tenant added.
SELECT (SELECT count(*) FROM iam.roles          WHERE is_system) AS roles,
       (SELECT count(*) FROM iam.permissions    WHERE is_system) AS permissions,
       (SELECT count(*) FROM iam.sod_rules      WHERE is_system) AS sod_rules,
       (SELECT count(*) FROM workflow.templates WHERE is_system) AS workflow_templates
