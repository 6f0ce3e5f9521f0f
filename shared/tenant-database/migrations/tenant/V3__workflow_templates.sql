-- How work passes from hand to hand.
CREATE SCHEMA workflow;
COMMENT ON SCHEMA workflow IS 'Approval processes: templates with their steps, running instances, and the decisions taken.';

CREATE TABLE workflow.templates (
    template_code text        COLLATE "C" NOT NULL CONSTRAINT templates_pkey PRIMARY KEY
                              CONSTRAINT templates_code_check CHECK (template_code ~ '^[a-z][a-z0-9_]{1,62}$'),
    name          text        NOT NULL CONSTRAINT templates_name_key UNIQUE,
    description   text        NOT NULL,
    -- Raised by whoever changes the steps. Running instances have their own copy of them.
    version       integer     NOT NULL DEFAULT 1 CONSTRAINT templates_version_check CHECK (version >= 1),
    is_system     boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE workflow.templates IS 'Processes to start instances of. System templates are fixed: copy one to change it.';

CREATE TABLE workflow.template_steps (
    template_code       text     COLLATE "C" NOT NULL
                                 CONSTRAINT template_steps_template_fkey REFERENCES workflow.templates ON DELETE CASCADE,
    position            smallint NOT NULL CONSTRAINT template_steps_position_check CHECK (position >= 1),
    name                text     NOT NULL,
    required_permission text     COLLATE "C" NOT NULL
                                 CONSTRAINT template_steps_permission_fkey REFERENCES iam.permissions,
    -- How many different users have to approve.
    approvals           smallint NOT NULL DEFAULT 1 CONSTRAINT template_steps_approvals_check CHECK (approvals >= 1),
    -- Hours from the moment the step becomes due.
    sla_hours           integer  NOT NULL CONSTRAINT template_steps_sla_check CHECK (sla_hours >= 1),
    -- Four eyes: nobody who decided on that earlier step decides on this one.
    must_differ_from    smallint,
    is_system           boolean  NOT NULL DEFAULT false,
    CONSTRAINT template_steps_pkey PRIMARY KEY (template_code, position),
    CONSTRAINT template_steps_must_differ_from_fkey FOREIGN KEY (template_code, must_differ_from) REFERENCES workflow.template_steps,
    CONSTRAINT template_steps_must_differ_from_check CHECK (must_differ_from < position)
);
COMMENT ON TABLE workflow.template_steps IS 'The steps of a template in the order of their positions; the first is the maker''s.';
