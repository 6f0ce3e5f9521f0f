-- All verdicts of one check, which began $2 seconds ago. A later check knows better. So does an earlier one that stops
-- tenants, for $3 seconds, if this one could not ask: an outage says nothing about what was found before it.
WITH found AS (
    SELECT * FROM jsonb_to_recordset($1) AS v (system text, region text, tier text, cause jsonb, stops boolean, warnings text[])
), forgotten AS (
    -- Regions that are not configured any more.
    DELETE FROM control.verdicts v
    WHERE v.checked_at < clock_timestamp() - make_interval(secs => $2) AND NOT EXISTS (
        SELECT FROM found
        WHERE found.system = v.system AND found.region IS NOT DISTINCT FROM v.region AND found.tier IS NOT DISTINCT FROM v.tier
    )
)
INSERT INTO control.verdicts AS v (system, region, tier, cause, stops, warnings, checked_at)
SELECT system, region, tier, cause, stops, warnings, clock_timestamp() - make_interval(secs => $2)
FROM found ORDER BY system, region, tier
ON CONFLICT ON CONSTRAINT verdicts_key DO UPDATE
SET cause = excluded.cause, stops = excluded.stops, warnings = excluded.warnings, checked_at = excluded.checked_at
WHERE v.checked_at <= excluded.checked_at AND NOT (
    v.stops AND excluded.cause IS NOT NULL AND NOT excluded.stops
    AND v.checked_at > clock_timestamp() - make_interval(secs => $3)
)
