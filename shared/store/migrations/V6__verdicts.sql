-- What the last check of each system found, for the tenants of one region or of all, of one tier or of all.
CREATE TABLE control.verdicts (
    system text NOT NULL CHECK (system IN ('falkordb', 'opensearch', 'supabase', 'stripe', 'valkey', 'smtp')),
    region text,
    tier text,
    -- Why the system cannot be used, or why nothing is known about it. Null: it can be used.
    cause jsonb,
    -- Nothing is made for these tenants.
    stops boolean NOT NULL,
    warnings text[] NOT NULL,
    checked_at timestamptz NOT NULL,
    CONSTRAINT verdicts_key UNIQUE NULLS NOT DISTINCT (system, region, tier),
    CHECK (cause IS NOT NULL OR NOT stops)
);
