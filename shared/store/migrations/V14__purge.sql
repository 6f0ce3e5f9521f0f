-- When a tenant was deprovisioned: its retrieval period begins then. A trigger writes it, so it is right whichever release's DELETE
-- it was.
ALTER TABLE control.tenants ADD COLUMN deprovisioned_at timestamptz;

CREATE FUNCTION control.tenant_deprovisioned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deprovisioned_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER tenants_deprovisioned BEFORE UPDATE OF provisioning_state ON control.tenants FOR EACH ROW
    WHEN (NEW.provisioning_state = 'deprovisioned' AND OLD.provisioning_state <> 'deprovisioned')
    EXECUTE FUNCTION control.tenant_deprovisioned();

-- Those that are deprovisioned already.
UPDATE control.tenants t
SET deprovisioned_at = coalesce((SELECT max(l.at) FROM control.audit_log l
                                 WHERE l.tenant_id = t.tenant_id AND l.action = 'tenant.deactivate'), t.updated_at)
WHERE t.provisioning_state = 'deprovisioned';

-- A deprovisioned tenant that is to be deleted from every system. The row stays. Whoever changes it locks the tenant's row before.
CREATE TABLE control.purges (
    tenant_id      uuid        NOT NULL CONSTRAINT purges_pkey PRIMARY KEY
                               CONSTRAINT purges_tenant_fkey REFERENCES control.tenants (tenant_id),
    -- As it is, or was: when it is released, the tenant's row gets its own id instead, which no new tenant may have for a slug.
    slug           text        NOT NULL,
    state          text        NOT NULL
                               CONSTRAINT purges_state_check CHECK (state IN ('waiting_approval', 'running', 'failed', 'done', 'withdrawn')),
    -- One more with every further try: a part of the execution's name.
    attempt        integer     NOT NULL DEFAULT 1 CONSTRAINT purges_attempt_check CHECK (attempt >= 1),
    customer       text        NOT NULL CONSTRAINT purges_customer_check CHECK (customer IN ('keep', 'delete')),
    data           text        NOT NULL CONSTRAINT purges_data_check CHECK (data IN ('drop', 'keep')),
    -- The first step that cannot be undone, and when it was first begun.
    no_return_step smallint    NOT NULL CONSTRAINT purges_no_return_step_check CHECK (no_return_step BETWEEN 1 AND 8),
    no_return_at   timestamptz,
    -- The retrieval period of the installation at that time, and why somebody wanted less than a paid tier's.
    retrieval_days integer     NOT NULL CONSTRAINT purges_retrieval_days_check CHECK (retrieval_days >= 0),
    reason         text,
    requested_by   text        NOT NULL,
    requested_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Null: nobody had to.
    approved_by    text,
    approved_at    timestamptz,
    correlation_id text        NOT NULL,
    -- Last sign of life of its execution.
    touched_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at    timestamptz,
    cause          jsonb,
    slug_released  boolean     NOT NULL DEFAULT false,
    certificate    jsonb,
    CONSTRAINT purges_approved_check CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT purges_done_check CHECK ((state = 'done') = (certificate IS NOT NULL) AND (state = 'done') = (finished_at IS NOT NULL)),
    CONSTRAINT purges_failed_check CHECK ((state = 'failed') = (cause IS NOT NULL)),
    CONSTRAINT purges_released_check CHECK (state = 'done' OR NOT slug_released)
);

-- What the reconciler looks through every minute.
CREATE INDEX purges_running ON control.purges (touched_at) WHERE state = 'running';

CREATE TABLE control.purge_steps (
    tenant_id     uuid        NOT NULL CONSTRAINT purge_steps_purge_fkey REFERENCES control.purges (tenant_id),
    step          smallint    NOT NULL CONSTRAINT purge_steps_step_check CHECK (step BETWEEN 1 AND 8),
    state         text        NOT NULL DEFAULT 'pending'
                              CONSTRAINT purge_steps_state_check CHECK (state IN ('pending', 'running', 'waiting', 'completed', 'failed')),
    attempts      integer     NOT NULL DEFAULT 0,
    started_at    timestamptz,
    finished_at   timestamptz,
    waiting_for   text,
    next_retry_at timestamptz,
    cause         jsonb,
    CONSTRAINT purge_steps_pkey PRIMARY KEY (tenant_id, step),
    CONSTRAINT purge_steps_finished_check CHECK ((state IN ('completed', 'failed')) = (finished_at IS NOT NULL))
);

-- What is proved of each resource: what its system answered when it was asked again.
CREATE TABLE control.purge_items (
    tenant_id   uuid        NOT NULL CONSTRAINT purge_items_purge_fkey REFERENCES control.purges (tenant_id),
    kind        text        NOT NULL,
    name        text        NOT NULL,
    step        smallint    NOT NULL CONSTRAINT purge_items_step_check CHECK (step BETWEEN 1 AND 8),
    external_id text,
    asked_at    timestamptz NOT NULL,
    answered    text        NOT NULL,
    outcome     text        NOT NULL CONSTRAINT purge_items_outcome_check CHECK (outcome IN ('gone', 'scheduled', 'kept')),
    why         text,
    until       timestamptz,
    CONSTRAINT purge_items_pkey PRIMARY KEY (tenant_id, kind, name),
    CONSTRAINT purge_items_why_check CHECK ((outcome = 'kept') = (why IS NOT NULL)),
    CONSTRAINT purge_items_until_check CHECK ((outcome = 'scheduled') = (until IS NOT NULL))
);

-- The slug of a tenant that is purged and leaves nothing by its name is free: the row gets its own id instead. No function may write
-- a slug, so that none can give a tenant another's name: this one does it for them.
CREATE FUNCTION control.slug_released() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE control.tenants SET slug = tenant_id::text WHERE tenant_id = NEW.tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER purges_slug_released AFTER UPDATE OF slug_released ON control.purges FOR EACH ROW
    WHEN (NEW.slug_released AND NOT OLD.slug_released) EXECUTE FUNCTION control.slug_released();
