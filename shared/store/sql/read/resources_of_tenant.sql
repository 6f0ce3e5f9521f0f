-- All that was made for a tenant, also what was given up, in the order of the steps.
SELECT kind, name, external_id, livemode, step, attempt, provider_request_id, sent_at, confirmed_at, dead_at
FROM control.resources WHERE tenant_id = $1 ORDER BY step, kind, generation
