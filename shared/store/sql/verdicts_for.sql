-- What concerns tenants of region $1 and tier $2. A verdict that stops them comes first.
SELECT system, region, tier, cause, stops, warnings, checked_at,
    extract(epoch FROM clock_timestamp() - checked_at)::float8 AS age_secs
FROM control.verdicts
WHERE coalesce(region = $1, true) AND coalesce(tier = $2, true)
ORDER BY stops DESC, system
