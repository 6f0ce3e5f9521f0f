-- A deprovisioned tenant can be brought back, and a tenant can be put under a legal hold.
ALTER TABLE control.tenants
    -- The last restore. A tenant that was restored once has only such attempts from then on, so a retry of a restore is one.
    ADD COLUMN restored_at timestamptz,
    -- The domain that a restore could not give back, since another tenant had it.
    ADD COLUMN lost_domain text,
    -- Why nothing of the tenant may be deleted, since when and who says so.
    ADD COLUMN hold_reason text CONSTRAINT tenants_hold_reason_check CHECK (char_length(hold_reason) BETWEEN 1 AND 500),
    ADD COLUMN hold_at     timestamptz,
    ADD COLUMN hold_by     text,
    ADD CONSTRAINT tenants_hold_check CHECK (num_nulls(hold_reason, hold_at, hold_by) IN (0, 3));
