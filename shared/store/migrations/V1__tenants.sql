-- The control plane's own state. Constraints are named: shared/store maps each name to a typed error in one place.
CREATE SCHEMA control;

CREATE TABLE control.tenants (
    tenant_id            uuid        NOT NULL CONSTRAINT tenants_pkey PRIMARY KEY,
    slug                 text        NOT NULL CONSTRAINT tenants_slug_key UNIQUE
                                     CONSTRAINT tenants_slug_check CHECK (slug ~ '^[a-z0-9][a-z0-9-]{1,46}[a-z0-9]$'),
    display_name         text        NOT NULL CONSTRAINT tenants_display_name_check CHECK (char_length(display_name) BETWEEN 1 AND 200),
    region               text        NOT NULL CONSTRAINT tenants_region_check CHECK (region IN ('us-east-1', 'eu-central-1', 'ap-southeast-1')),
    tier                 text        NOT NULL CONSTRAINT tenants_tier_check CHECK (tier IN ('pilot', 'enterprise', 'enterprise_plus')),
    admin_email          text        NOT NULL CONSTRAINT tenants_admin_email_check CHECK (admin_email = lower(admin_email)),
    supabase_url         text,
    supabase_project_ref text,
    falkordb_graph_name  text,
    opensearch_alias     text,
    schema_version       integer,
    custom_domain        text        CONSTRAINT tenants_custom_domain_key UNIQUE
                                     CONSTRAINT tenants_custom_domain_check CHECK (custom_domain = lower(custom_domain)),
    stripe_customer_id   text,
    provisioning_state   text        NOT NULL DEFAULT 'provisioning'
                                     CONSTRAINT tenants_provisioning_state_check CHECK (provisioning_state IN ('provisioning', 'active', 'failed', 'deprovisioned')),
    is_active            boolean     NOT NULL DEFAULT false,
    error_message        text,
    -- One more with every resume; part of the execution's name, and what fences off an older run.
    attempt              integer     NOT NULL DEFAULT 1 CONSTRAINT tenants_attempt_check CHECK (attempt >= 1),
    -- Whoever holds the lease may act for the tenant until it lapses; the token is an invocation's request id.
    lease_token          text,
    lease_until          timestamptz,
    -- Last sign of life of the current run: what the reconciler goes by.
    touched_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    correlation_id       text        NOT NULL,
    -- One more with every change a caller can see: the ETag.
    version              bigint      NOT NULL DEFAULT 1,
    provisioned_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    activated_at         timestamptz,
    CONSTRAINT tenants_active_check CHECK (is_active = (provisioning_state = 'active')),
    CONSTRAINT tenants_error_check CHECK ((error_message IS NOT NULL) = (provisioning_state = 'failed')),
    CONSTRAINT tenants_lease_check CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);

-- The list's order: newest first, ties by id.
CREATE INDEX tenants_newest_first ON control.tenants (provisioned_at DESC, tenant_id DESC);
-- What the reconciler looks through every minute.
CREATE INDEX tenants_provisioning ON control.tenants (touched_at) WHERE provisioning_state = 'provisioning';

CREATE TABLE control.provisioning_steps (
    tenant_id     uuid        NOT NULL CONSTRAINT provisioning_steps_tenant_fkey REFERENCES control.tenants (tenant_id),
    step          smallint    NOT NULL CONSTRAINT provisioning_steps_step_check CHECK (step BETWEEN 1 AND 9),
    state         text        NOT NULL DEFAULT 'pending'
                              CONSTRAINT provisioning_steps_state_check CHECK (state IN ('pending', 'running', 'waiting', 'completed', 'failed')),
    -- Invocations that did something; polls of a wait are not attempts.
    attempts      integer     NOT NULL DEFAULT 0,
    started_at    timestamptz,
    finished_at   timestamptz,
    waiting_for   text,
    next_retry_at timestamptz,
    -- {code, owner, retryable, hint, provider_request_id}: texts of our own only.
    cause         jsonb,
    CONSTRAINT provisioning_steps_pkey PRIMARY KEY (tenant_id, step),
    CONSTRAINT provisioning_steps_finished_check CHECK ((state IN ('completed', 'failed')) = (finished_at IS NOT NULL))
);

-- What a tenant owns outside, written down before it is asked for. The external id follows once it is known; until then
-- the row is an intent whose outcome has to be looked up before anything is asked for again.
CREATE TABLE control.resources (
    id                  uuid        NOT NULL CONSTRAINT resources_pkey PRIMARY KEY,
    tenant_id           uuid        NOT NULL CONSTRAINT resources_tenant_fkey REFERENCES control.tenants (tenant_id),
    kind                text        NOT NULL,
    -- One more each time the resource before it was given up for dead.
    generation          integer     NOT NULL,
    name                text        NOT NULL,
    step                smallint    NOT NULL CONSTRAINT resources_step_check CHECK (step BETWEEN 1 AND 9),
    attempt             integer     NOT NULL,
    -- The request as sent, without secrets.
    request             text,
    idempotency_key     text,
    sent_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    external_id         text,
    provider_request_id text,
    confirmed_at        timestamptz,
    dead_at             timestamptz,
    CONSTRAINT resources_generation_key UNIQUE (tenant_id, kind, generation)
);

CREATE UNIQUE INDEX resources_one_live ON control.resources (tenant_id, kind) WHERE dead_at IS NULL;

-- What a transaction promised to tell the outside world.
CREATE TABLE control.outbox (
    id              uuid        NOT NULL CONSTRAINT outbox_pkey PRIMARY KEY,
    tenant_id       uuid        NOT NULL CONSTRAINT outbox_tenant_fkey REFERENCES control.tenants (tenant_id),
    kind            text        NOT NULL CONSTRAINT outbox_kind_check CHECK (kind IN ('publish_event', 'invalidate_cache')),
    payload         jsonb       NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts        integer     NOT NULL DEFAULT 0,
    last_error      text,
    delivered_at    timestamptz
);

CREATE INDEX outbox_due ON control.outbox (next_attempt_at) WHERE delivered_at IS NULL;

CREATE TABLE control.audit_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_log_pkey PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor      text        NOT NULL,
    action     text        NOT NULL,
    tenant_id  uuid,
    request_id text        NOT NULL,
    before     jsonb,
    after      jsonb
);

CREATE INDEX audit_log_tenant ON control.audit_log (tenant_id, id);

-- One reconciler at a time.
CREATE TABLE control.leases (
    name  text        NOT NULL CONSTRAINT leases_pkey PRIMARY KEY,
    token text        NOT NULL,
    until timestamptz NOT NULL
);
