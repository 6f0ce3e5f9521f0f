-- Running processes. Only facts are stored, and only ever added: what a process stands at is derived from them.
CREATE TABLE workflow.instances (
    instance_id   uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT instances_pkey PRIMARY KEY,
    template_code text        COLLATE "C" NOT NULL CONSTRAINT instances_template_fkey REFERENCES workflow.templates,
    -- What is being decided on, in the application's own terms: "payment/4711".
    subject       text        NOT NULL CONSTRAINT instances_subject_check CHECK (char_length(subject) BETWEEN 1 AND 200),
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- One more with every decision: the row decisions queue up at.
    revision      bigint      NOT NULL DEFAULT 0
);
COMMENT ON TABLE workflow.instances IS 'One template at work on one subject. Whoever decides on the first step is the maker.';

CREATE INDEX instances_by_subject ON workflow.instances (subject);

CREATE TABLE workflow.instance_steps (
    instance_id         uuid     NOT NULL CONSTRAINT instance_steps_instance_fkey REFERENCES workflow.instances,
    position            smallint NOT NULL,
    name                text     NOT NULL,
    required_permission text     COLLATE "C" NOT NULL
                                 CONSTRAINT instance_steps_permission_fkey REFERENCES iam.permissions,
    approvals           smallint NOT NULL,
    sla_hours           integer  NOT NULL,
    must_differ_from    smallint,
    CONSTRAINT instance_steps_pkey PRIMARY KEY (instance_id, position)
);
COMMENT ON TABLE workflow.instance_steps IS 'The template''s steps as they were when the instance began: changing a template changes nothing under way.';

CREATE TABLE workflow.decisions (
    instance_id uuid        NOT NULL,
    position    smallint    NOT NULL,
    user_id     uuid        NOT NULL CONSTRAINT decisions_user_fkey REFERENCES iam.users,
    verdict     text        NOT NULL CONSTRAINT decisions_verdict_check CHECK (verdict IN ('approved', 'rejected')),
    comment     text,
    decided_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- One voice per user and step: the second of two approvals comes from somebody else.
    CONSTRAINT decisions_pkey PRIMARY KEY (instance_id, position, user_id),
    CONSTRAINT decisions_step_fkey FOREIGN KEY (instance_id, position) REFERENCES workflow.instance_steps
);
COMMENT ON TABLE workflow.decisions IS 'Who approved or rejected which step, and when. One rejection ends the instance.';

CREATE INDEX decisions_by_user ON workflow.decisions (user_id);

CREATE VIEW workflow.instance_progress WITH (security_invoker = true) AS
SELECT instance.instance_id, instance.template_code, instance.subject, instance.created_at,
       CASE WHEN rejection.found THEN 'rejected' WHEN due.position IS NULL THEN 'approved' ELSE 'open' END AS state,
       due.position, due.name, due.required_permission, due.must_differ_from, due.approvals_missing, due.due_at
FROM workflow.instances AS instance
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM workflow.decisions WHERE instance_id = instance.instance_id AND verdict = 'rejected'
    ) AS found
) AS rejection
-- The step due: the first that lacks an approval.
LEFT JOIN LATERAL (
    SELECT step.position, step.name, step.required_permission, step.must_differ_from,
           step.approvals - given.approvals AS approvals_missing,
           coalesce(given.earlier_at, instance.created_at) + step.sla_hours * interval '1 hour' AS due_at
    FROM workflow.instance_steps AS step
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE decision.position = step.position) AS approvals,
               max(decision.decided_at) FILTER (WHERE decision.position < step.position) AS earlier_at
        FROM workflow.decisions AS decision
        WHERE decision.instance_id = step.instance_id AND decision.verdict = 'approved'
    ) AS given
    WHERE step.instance_id = instance.instance_id AND given.approvals < step.approvals
    ORDER BY step.position
    LIMIT 1
) AS due ON NOT rejection.found;
COMMENT ON VIEW workflow.instance_progress IS 'Where each instance stands: open with the step due, approved, or rejected.';

CREATE FUNCTION workflow.copy_steps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO workflow.instance_steps (instance_id, position, name, required_permission, approvals, sla_hours, must_differ_from)
    SELECT NEW.instance_id, position, name, required_permission, approvals, sla_hours, must_differ_from
    FROM workflow.template_steps
    WHERE template_code = NEW.template_code;
    -- An instance without steps would count as approved.
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE    = 'check_violation',
            SCHEMA     = 'workflow',
            TABLE      = 'instances',
            CONSTRAINT = 'instances_template_has_steps',
            MESSAGE    = format('workflow template "%s" has no steps', NEW.template_code);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION workflow.copy_steps() IS 'Gives a new instance its own copy of the template''s steps.';

CREATE TRIGGER copy_steps AFTER INSERT ON workflow.instances FOR EACH ROW EXECUTE FUNCTION workflow.copy_steps();

-- SECURITY DEFINER for the reason given at iam.sod_lock.
CREATE FUNCTION workflow.check_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    progress workflow.instance_progress;
    violated text;
BEGIN
    -- One decision at a time per instance, by an update for the reason given at iam.sod_guard.
    UPDATE workflow.instances SET revision = revision + 1 WHERE instance_id = NEW.instance_id;
    IF NOT FOUND THEN
        RETURN NEW;  -- decisions_step_fkey says it better.
    END IF;

    SELECT * INTO progress FROM workflow.instance_progress AS p WHERE p.instance_id = NEW.instance_id;
    violated := CASE
        WHEN progress.position IS DISTINCT FROM NEW.position THEN 'decisions_step_is_due'
        WHEN NOT EXISTS (SELECT FROM iam.effective_permissions AS held
                         WHERE held.user_id = NEW.user_id AND held.permission_code = progress.required_permission)
            THEN 'decisions_permission_held'
        WHEN EXISTS (SELECT FROM workflow.decisions AS earlier
                     WHERE earlier.instance_id = NEW.instance_id AND earlier.user_id = NEW.user_id
                       AND earlier.position = progress.must_differ_from)
            THEN 'decisions_four_eyes'
    END;
    IF violated IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE    = 'check_violation',
            SCHEMA     = 'workflow',
            TABLE      = 'decisions',
            CONSTRAINT = violated,
            MESSAGE    = format('user %s may not decide on step %s of instance %s: ', NEW.user_id, NEW.position, NEW.instance_id)
                || CASE violated
                       WHEN 'decisions_step_is_due' THEN
                           format('the instance is %s, the step due is %s', progress.state, coalesce(progress.position::text, 'none'))
                       WHEN 'decisions_permission_held' THEN
                           format('permission %s is required', progress.required_permission)
                       WHEN 'decisions_four_eyes' THEN
                           format('the same user decided on step %s', progress.must_differ_from)
                   END;
    END IF;

    -- Evidence is dated by the database, not by the client.
    NEW.decided_at := clock_timestamp();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION workflow.check_decision() IS 'A decision is on the step that is due, by a user who holds its permission, and by other eyes where the step asks for them.';

-- An ordinary trigger, unlike those of SoD: a restore must be able to bring back decisions of users whose roles have changed since.
CREATE TRIGGER check_decision BEFORE INSERT ON workflow.decisions FOR EACH ROW EXECUTE FUNCTION workflow.check_decision();

CREATE FUNCTION workflow.append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE    = 'restrict_violation',
        SCHEMA     = TG_TABLE_SCHEMA,
        TABLE      = TG_TABLE_NAME,
        CONSTRAINT = 'append_only',
        MESSAGE    = format('%I.%I is evidence: %s is not allowed', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP);
END $$;
COMMENT ON FUNCTION workflow.append_only() IS 'Refuses whatever would rewrite what has happened.';

CREATE TRIGGER append_only BEFORE UPDATE OF instance_id, template_code, subject, created_at OR DELETE OR TRUNCATE
    ON workflow.instances FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON workflow.instance_steps FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON workflow.decisions FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();
