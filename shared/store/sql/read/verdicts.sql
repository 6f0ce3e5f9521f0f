SELECT system, region, tier, cause, stops, warnings, checked_at,
    extract(epoch FROM clock_timestamp() - checked_at)::float8 AS age_secs
FROM control.verdicts ORDER BY region NULLS FIRST, system, tier
