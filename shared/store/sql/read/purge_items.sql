-- What is proved so far, in the order of the steps.
SELECT kind, name, external_id, asked_at, answered, outcome, why, until
FROM control.purge_items WHERE tenant_id = $1 ORDER BY step, kind, name
