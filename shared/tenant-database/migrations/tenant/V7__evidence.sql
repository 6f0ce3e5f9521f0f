-- Duties hold over time and for whoever writes, and evidence stays. In this order: what changed and by whom, grants,
-- identities, time, templates, instances and decisions, and the form that all of our functions and triggers have.
--
-- The form: `SET search_path = pg_catalog, pg_temp`, since an empty path looks for types in pg_temp first, where anybody may
-- put a domain that runs code as the owner. Every name of ours is qualified. Nobody but the owner may execute a function.
-- A trigger's function looks at TG_RELID, so that it serves no table but ours. Every trigger is ENABLE ALWAYS, so that
-- session_replication_role does not switch it off.

-- ── What changed, and by whom ───────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE iam.changes (
    change_id      bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT changes_pkey PRIMARY KEY,
    -- The clock, not the beginning of the transaction.
    changed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    transaction_id xid8        NOT NULL DEFAULT pg_current_xact_id(),
    -- Who logged in, and as whom they acted: the role that SET ROLE named, as PostgREST does it.
    session_role   text        NOT NULL,
    acting_role    text        NOT NULL,
    relation       text        NOT NULL,
    operation      text        NOT NULL CONSTRAINT changes_operation_check CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE')),
    before         jsonb,
    after          jsonb,
    CONSTRAINT changes_rows_check CHECK ((before IS NULL) = (operation = 'INSERT') AND (after IS NULL) = (operation = 'DELETE'))
);
COMMENT ON TABLE iam.changes IS
    'Everything by which rights and processes changed since version 7 of the schema: the row before and after, when, and by which role.';
CREATE INDEX changes_by_relation ON iam.changes (relation, changed_at);
ALTER TABLE iam.changes ENABLE ROW LEVEL SECURITY;

-- In a SECURITY DEFINER function, current_user is the owner. This is the role of whoever called it.
CREATE FUNCTION iam.acting_role() RETURNS name LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE pg_catalog.current_setting('role') WHEN 'none' THEN session_user ELSE pg_catalog.current_setting('role')::pg_catalog.name END
$$;
COMMENT ON FUNCTION iam.acting_role() IS 'The role that the session acts as, seen from inside a SECURITY DEFINER function.';

CREATE FUNCTION iam.record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID NOT IN ('iam.permissions'::regclass, 'iam.roles'::regclass, 'iam.role_permissions'::regclass, 'iam.users'::regclass,
                        'iam.user_roles'::regclass, 'iam.sod_rules'::regclass,
                        'workflow.templates'::regclass, 'workflow.template_steps'::regclass) THEN
        RAISE trigger_protocol_violated;
    END IF;
    INSERT INTO iam.changes (session_role, acting_role, relation, operation, before, after)
    VALUES (session_user, iam.acting_role(), TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_OP,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION iam.record_change() IS 'Writes the row before and after into iam.changes.';

CREATE OR REPLACE FUNCTION workflow.append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID NOT IN ('iam.changes'::regclass, 'iam.users'::regclass, 'iam.user_roles'::regclass, 'workflow.instances'::regclass,
                        'workflow.instance_steps'::regclass, 'workflow.decisions'::regclass) THEN
        RAISE trigger_protocol_violated;
    END IF;
    -- Changes and the steps of instances are added by triggers only.
    IF TG_OP = 'INSERT' AND pg_trigger_depth() > 1 THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE    = 'restrict_violation',
        SCHEMA     = TG_TABLE_SCHEMA,
        TABLE      = TG_TABLE_NAME,
        CONSTRAINT = 'append_only',
        MESSAGE    = format('%I.%I is evidence: %s is not allowed', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP);
END $$;

CREATE TRIGGER append_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON iam.changes
    FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();
CREATE TRIGGER append_only_inserted BEFORE INSERT ON workflow.instance_steps
    FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();
-- TRUNCATE has no rows that could be recorded. The other recorded tables refuse it already.
CREATE TRIGGER append_only BEFORE TRUNCATE ON iam.users FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();
CREATE TRIGGER append_only BEFORE TRUNCATE ON iam.user_roles FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();

DO $$
DECLARE
    recorded regclass;
BEGIN
    FOREACH recorded IN ARRAY ARRAY['iam.permissions', 'iam.roles', 'iam.role_permissions', 'iam.users', 'iam.user_roles',
                                    'iam.sod_rules', 'workflow.templates', 'workflow.template_steps']::regclass[] LOOP
        EXECUTE format('CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON %s
                        FOR EACH ROW EXECUTE FUNCTION iam.record_change()', recorded);
    END LOOP;
END $$;

-- ── The guard ───────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE OR REPLACE FUNCTION iam.sod_lock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID NOT IN ('iam.role_permissions'::regclass, 'iam.user_roles'::regclass, 'iam.sod_rules'::regclass,
                        'iam.users'::regclass, 'workflow.template_steps'::regclass) THEN
        RAISE trigger_protocol_violated;
    END IF;
    UPDATE iam.sod_guard SET revision = revision + 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'iam.sod_guard has lost its row: segregation of duties cannot be checked'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;

-- Until now only writers who could break a rule took the guard. Now everybody does who changes what somebody may do, also by
-- taking it away: whoever uses a right shares the guard, so that a right neither ends meanwhile nor is read from an old
-- snapshot (at REPEATABLE READ and above such a use fails with serialization_failure).
CREATE TRIGGER sod_lock_deleted BEFORE DELETE ON iam.role_permissions FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_lock();
CREATE TRIGGER sod_lock_deleted BEFORE DELETE ON iam.user_roles FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_lock();
CREATE TRIGGER sod_lock_deleted BEFORE DELETE ON iam.sod_rules FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_lock();
CREATE TRIGGER sod_lock BEFORE UPDATE OF user_id, status OR DELETE ON iam.users FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_lock();
CREATE TRIGGER sod_lock BEFORE INSERT OR UPDATE OR DELETE ON workflow.template_steps FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_lock();
COMMENT ON TABLE iam.sod_guard IS
    'The one row that all writers of grants, roles, rules and steps lock, one after the other, and that starts and decisions share.';

CREATE FUNCTION iam.hold_rights_still() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM iam.sod_guard FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'iam.sod_guard has lost its row: rights cannot be checked' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END $$;
COMMENT ON FUNCTION iam.hold_rights_still() IS 'Waits for changes of rights that are under way, and lets none happen before the transaction ends.';

CREATE OR REPLACE FUNCTION iam.sod_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_conflict iam.sod_conflicts;
BEGIN
    CASE TG_RELID
    WHEN 'iam.user_roles'::regclass THEN
        SELECT * INTO found_conflict FROM iam.sod_conflicts AS conflict
        WHERE conflict.user_id IN (SELECT user_id FROM changed)
        ORDER BY rule_code, user_id LIMIT 1;
    WHEN 'iam.role_permissions'::regclass THEN
        -- NULLS FIRST: a role that conflicts by itself is the cause, its users only the consequence.
        SELECT * INTO found_conflict FROM iam.sod_conflicts AS conflict
        WHERE conflict.role_a IN (SELECT role_code FROM changed) OR conflict.role_b IN (SELECT role_code FROM changed)
        ORDER BY rule_code, user_id NULLS FIRST LIMIT 1;
    WHEN 'iam.sod_rules'::regclass THEN
        SELECT * INTO found_conflict FROM iam.sod_conflicts AS conflict
        WHERE conflict.rule_code IN (SELECT rule_code FROM changed)
        ORDER BY rule_code, user_id NULLS FIRST LIMIT 1;
    ELSE
        RAISE trigger_protocol_violated;
    END CASE;

    IF found_conflict.rule_code IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE    = 'check_violation',
            SCHEMA     = 'iam',
            TABLE      = 'sod_rules',
            CONSTRAINT = 'sod_rules_no_conflict',
            MESSAGE    = CASE
                WHEN found_conflict.user_id IS NULL THEN
                    format('SoD rule "%s": role "%s" would hold both %s and %s', found_conflict.rule_code, found_conflict.role_a,
                           found_conflict.permission_a, found_conflict.permission_b)
                ELSE
                    format('SoD rule "%s": user %s would hold both %s (role "%s") and %s (role "%s")', found_conflict.rule_code,
                           found_conflict.user_id, found_conflict.permission_a, found_conflict.role_a,
                           found_conflict.permission_b, found_conflict.role_b)
            END;
    END IF;
    RETURN NULL;
END $$;

-- ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- now() is when the transaction began: an open one would outlive the end of a right.
CREATE OR REPLACE VIEW iam.effective_permissions WITH (security_invoker = true) AS
SELECT DISTINCT users.user_id, users.auth_user_id, held.permission_code
FROM iam.users
JOIN iam.user_roles AS granted USING (user_id)
JOIN iam.role_permissions AS held USING (role_code)
WHERE users.status <> 'disabled'
  AND tstzrange(granted.valid_from, granted.valid_until) @> clock_timestamp();

CREATE OR REPLACE VIEW iam.sod_conflicts WITH (security_invoker = true) AS
SELECT rule.rule_code, rule.permission_a, rule.permission_b, NULL::uuid AS user_id, a.role_code AS role_a, b.role_code AS role_b
FROM iam.sod_rules AS rule
JOIN iam.role_permissions AS a ON a.permission_code = rule.permission_a
JOIN iam.role_permissions AS b ON b.permission_code = rule.permission_b AND b.role_code = a.role_code
WHERE rule.enabled
UNION ALL
SELECT rule.rule_code, rule.permission_a, rule.permission_b, granted_a.user_id, a.role_code, b.role_code
FROM iam.sod_rules AS rule
JOIN iam.role_permissions AS a ON a.permission_code = rule.permission_a
JOIN iam.role_permissions AS b ON b.permission_code = rule.permission_b AND b.role_code <> a.role_code
JOIN iam.user_roles AS granted_a ON granted_a.role_code = a.role_code
JOIN iam.user_roles AS granted_b ON granted_b.role_code = b.role_code AND granted_b.user_id = granted_a.user_id
WHERE rule.enabled
  AND NOT isempty(tstzrange(granted_a.valid_from, granted_a.valid_until)
                  * tstzrange(granted_b.valid_from, granted_b.valid_until)
                  * tstzrange(clock_timestamp(), NULL));

ALTER TABLE iam.user_roles
    ALTER COLUMN granted_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN valid_from SET DEFAULT clock_timestamp();
ALTER TABLE workflow.instances ALTER COLUMN created_at SET DEFAULT clock_timestamp();

CREATE FUNCTION iam.may(who uuid, what text, moment timestamptz) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM iam.users
        JOIN iam.user_roles AS granted USING (user_id)
        JOIN iam.role_permissions AS held USING (role_code)
        WHERE users.user_id = who AND held.permission_code = what AND users.status <> 'disabled'
          AND tstzrange(granted.valid_from, granted.valid_until) @> moment
    )
$$;
COMMENT ON FUNCTION iam.may(uuid, text, timestamptz) IS 'Whether the user holds the permission at that moment. Call hold_rights_still before.';

-- ── Identities ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- In the row itself, and not looked up in what the user did: two transactions that change the same row see each other at
-- every isolation level.
ALTER TABLE iam.users ADD COLUMN acted boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN iam.users.acted IS 'Whether the user has decided or granted something. From then on, user_id, auth_user_id and email stay.';
UPDATE iam.users SET acted = true
WHERE EXISTS (SELECT FROM workflow.decisions AS decision WHERE decision.user_id = users.user_id)
   OR EXISTS (SELECT FROM iam.user_roles AS granted WHERE granted.granted_by = users.user_id);

CREATE FUNCTION iam.keep_identity() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID <> 'iam.users'::regclass THEN
        RAISE trigger_protocol_violated;
    END IF;
    IF NOT OLD.acted THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.acted
       AND (NEW.user_id, NEW.auth_user_id, NEW.email) = (OLD.user_id, OLD.auth_user_id, OLD.email) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE    = 'restrict_violation',
        SCHEMA     = 'iam',
        TABLE      = 'users',
        CONSTRAINT = 'users_identity',
        MESSAGE    = format('user %s has acted: their acts name them, so they can be disabled only', OLD.user_id);
END $$;
COMMENT ON FUNCTION iam.keep_identity() IS 'Whoever has decided or granted something keeps their identity.';
CREATE TRIGGER keep_identity BEFORE UPDATE OR DELETE ON iam.users FOR EACH ROW EXECUTE FUNCTION iam.keep_identity();

-- ── Grants ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE FUNCTION iam.check_grant() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    violated text;
BEGIN
    IF TG_RELID <> 'iam.user_roles'::regclass THEN
        RAISE trigger_protocol_violated;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.user_id, NEW.role_code, NEW.granted_by, NEW.granted_at, NEW.valid_from)
               IS NOT DISTINCT FROM (OLD.user_id, OLD.role_code, OLD.granted_by, OLD.granted_at, OLD.valid_from)
           AND coalesce(NEW.valid_until, 'infinity') <= coalesce(OLD.valid_until, 'infinity') THEN
            RETURN NEW;  -- The grant ends earlier. That gives nobody anything.
        END IF;
        IF (NEW.user_id, NEW.role_code, NEW.valid_from, NEW.valid_until)
               IS NOT DISTINCT FROM (OLD.user_id, OLD.role_code, OLD.valid_from, OLD.valid_until) THEN
            RAISE EXCEPTION USING
                ERRCODE    = 'restrict_violation',
                SCHEMA     = 'iam',
                TABLE      = 'user_roles',
                CONSTRAINT = 'user_roles_granted',
                MESSAGE    = 'by whom and when a grant was made is evidence: revoke it and grant anew';
        END IF;
    END IF;

    -- Whatever else changes a grant is a grant of this moment. sod_lock holds rights still.
    NEW.granted_at := clock_timestamp();
    IF NEW.granted_by IS NOT NULL THEN
        UPDATE iam.users SET acted = true WHERE user_id = NEW.granted_by AND NOT acted;
        IF NOT iam.may(NEW.granted_by, 'roles.assign', NEW.granted_at) THEN
            violated := 'user_roles_granter_may_assign';
        END IF;
    -- Provisioning is the owner of the schema. current_user is that owner in here.
    ELSIF NOT pg_has_role(iam.acting_role(), current_user, 'USAGE') THEN
        violated := 'user_roles_granter_named';
    END IF;
    IF violated IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE    = 'check_violation',
            SCHEMA     = 'iam',
            TABLE      = 'user_roles',
            CONSTRAINT = violated,
            MESSAGE    = CASE violated
                WHEN 'user_roles_granter_may_assign' THEN format('user %s may not grant roles: permission roles.assign is required', NEW.granted_by)
                WHEN 'user_roles_granter_named' THEN 'granted_by is required: only provisioning grants in nobody''s name'
            END;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION iam.check_grant() IS 'A grant is made by somebody who may, at this moment; only its end can be brought forward later.';
CREATE TRIGGER check_grant BEFORE INSERT OR UPDATE ON iam.user_roles FOR EACH ROW EXECUTE FUNCTION iam.check_grant();

-- ── Templates ───────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Steps that somebody added to a system template. iam.changes keeps them, and instances that run have their own copies.
DELETE FROM workflow.template_steps AS step USING workflow.templates AS template
WHERE template.template_code = step.template_code AND template.is_system AND NOT step.is_system;

-- NOT VALID: what is there stays, and a template with more gives no new instance.
ALTER TABLE workflow.template_steps
    DROP CONSTRAINT template_steps_approvals_check,
    ADD CONSTRAINT template_steps_approvals_check CHECK (approvals BETWEEN 1 AND 10) NOT VALID;
ALTER TABLE workflow.instance_steps
    ADD CONSTRAINT instance_steps_approvals_check CHECK (approvals BETWEEN 1 AND 10) NOT VALID;

-- SECURITY DEFINER, so that row level security does not hide the template of a step.
CREATE OR REPLACE FUNCTION iam.protect_system_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    allowed boolean;
BEGIN
    IF TG_RELID NOT IN ('iam.permissions'::regclass, 'iam.roles'::regclass, 'iam.role_permissions'::regclass, 'iam.sod_rules'::regclass,
                        'workflow.templates'::regclass, 'workflow.template_steps'::regclass) THEN
        RAISE trigger_protocol_violated;
    END IF;
    CASE TG_OP
    WHEN 'INSERT' THEN
        allowed := NOT NEW.is_system;
    WHEN 'UPDATE' THEN
        -- Whether a rule is in force is the tenant's choice; no other table has such a column.
        allowed := NOT (OLD.is_system OR NEW.is_system) OR to_jsonb(OLD) - 'enabled' = to_jsonb(NEW) - 'enabled';
    WHEN 'DELETE' THEN
        allowed := NOT OLD.is_system;
    WHEN 'TRUNCATE' THEN
        allowed := false;
    END CASE;
    -- A system template is its steps: none comes, and none goes.
    IF allowed AND TG_RELID = 'workflow.template_steps'::regclass THEN
        allowed := NOT EXISTS (SELECT FROM workflow.templates AS template
                               WHERE template.is_system AND template.template_code IN (NEW.template_code, OLD.template_code));
    END IF;
    IF NOT allowed THEN
        RAISE EXCEPTION USING
            ERRCODE    = 'restrict_violation',
            SCHEMA     = TG_TABLE_SCHEMA,
            TABLE      = TG_TABLE_NAME,
            CONSTRAINT = 'system_rows',
            MESSAGE    = format('%I.%I: %s of a system row is not allowed', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP);
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION iam.protect_system_rows() IS
    'System rows can be neither added, changed nor removed, nor the steps of system templates; only a SoD rule can be enabled and disabled.';

-- ── Instances and decisions ─────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE workflow.instances ADD COLUMN content_digest bytea
    CONSTRAINT instances_content_digest_check CHECK (octet_length(content_digest) = 32);
COMMENT ON COLUMN workflow.instances.content_digest IS
    'SHA-256 of what is decided on. Every decision has to name the same one; carry out nothing that has another.';
ALTER TABLE workflow.decisions ADD COLUMN content_digest bytea;
COMMENT ON COLUMN workflow.decisions.content_digest IS 'The digest of what the user saw: that of the instance.';

CREATE OR REPLACE VIEW workflow.instance_progress WITH (security_invoker = true) AS
SELECT instance.instance_id, instance.template_code, instance.subject, instance.created_at,
       CASE WHEN rejection.found THEN 'rejected' WHEN due.position IS NULL THEN 'approved' ELSE 'open' END AS state,
       due.position, due.name, due.required_permission, due.must_differ_from, due.approvals_missing, due.due_at,
       instance.content_digest
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

CREATE FUNCTION workflow.begin_instance() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID <> 'workflow.instances'::regclass THEN
        RAISE trigger_protocol_violated;
    END IF;
    NEW.created_at := clock_timestamp();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION workflow.begin_instance() IS 'An instance is dated by the database, not by the client.';
CREATE TRIGGER begin_instance BEFORE INSERT ON workflow.instances FOR EACH ROW EXECUTE FUNCTION workflow.begin_instance();

CREATE OR REPLACE FUNCTION workflow.copy_steps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID <> 'workflow.instances'::regclass THEN
        RAISE trigger_protocol_violated;
    END IF;
    -- Steps that an old snapshot shows are not those of today.
    PERFORM iam.hold_rights_still();
    INSERT INTO workflow.instance_steps (instance_id, position, name, required_permission, approvals, sla_hours, must_differ_from)
    SELECT NEW.instance_id, step.position, step.name, step.required_permission, step.approvals, step.sla_hours, step.must_differ_from
    FROM workflow.template_steps AS step JOIN workflow.templates AS template USING (template_code)
    WHERE template_code = NEW.template_code AND step.is_system = template.is_system;
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

CREATE OR REPLACE FUNCTION workflow.check_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    progress workflow.instance_progress;
    apart    record;
    violated text;
BEGIN
    IF TG_RELID <> 'workflow.decisions'::regclass THEN
        RAISE trigger_protocol_violated;
    END IF;
    -- One decision at a time per instance, by an update for the reason given at iam.sod_guard.
    UPDATE workflow.instances SET revision = revision + 1 WHERE instance_id = NEW.instance_id;
    IF NOT FOUND THEN
        -- decisions_step_fkey would say the same, but replica mode skips it.
        RAISE EXCEPTION USING
            ERRCODE    = 'foreign_key_violation',
            SCHEMA     = 'workflow',
            TABLE      = 'decisions',
            CONSTRAINT = 'decisions_step_fkey',
            MESSAGE    = format('there is no instance %s', NEW.instance_id);
    END IF;
    PERFORM iam.hold_rights_still();
    UPDATE iam.users SET acted = true WHERE user_id = NEW.user_id AND NOT acted;
    -- After every wait. Evidence is dated by the database, not by the client.
    NEW.decided_at := clock_timestamp();

    SELECT * INTO progress FROM workflow.instance_progress AS p WHERE p.instance_id = NEW.instance_id;
    -- Duties are kept apart by what was done, whatever the user holds now: also while a rule is disabled, and whatever the
    -- steps of the instance ask for.
    SELECT rule.rule_code, step.position INTO apart
    FROM workflow.decisions AS earlier
    JOIN workflow.instance_steps AS step USING (instance_id, position)
    JOIN iam.sod_rules AS rule ON (rule.permission_a, rule.permission_b) IN (
        (step.required_permission, progress.required_permission), (progress.required_permission, step.required_permission))
    WHERE earlier.instance_id = NEW.instance_id AND earlier.user_id = NEW.user_id
    ORDER BY step.position, rule.rule_code LIMIT 1;
    violated := CASE
        WHEN progress.position IS DISTINCT FROM NEW.position THEN 'decisions_step_is_due'
        WHEN NOT iam.may(NEW.user_id, progress.required_permission, NEW.decided_at) THEN 'decisions_permission_held'
        WHEN EXISTS (SELECT FROM workflow.decisions AS earlier
                     WHERE earlier.instance_id = NEW.instance_id AND earlier.user_id = NEW.user_id
                       AND earlier.position = progress.must_differ_from)
            THEN 'decisions_four_eyes'
        WHEN apart.rule_code IS NOT NULL THEN 'decisions_duties_apart'
        WHEN NEW.content_digest IS DISTINCT FROM progress.content_digest THEN 'decisions_same_content'
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
                       WHEN 'decisions_duties_apart' THEN
                           format('the same user decided on step %s, which SoD rule "%s" keeps apart from it', apart.position, apart.rule_code)
                       WHEN 'decisions_same_content' THEN
                           'content_digest is not that of the instance'
                   END;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION workflow.check_decision() IS
    'A decision is on the step that is due and on its content, by a user who holds its permission, and by other hands where the step or a SoD rule asks for them.';

-- Everything about an instance but the row's own counter.
DROP TRIGGER append_only ON workflow.instances;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON workflow.instances FOR EACH STATEMENT EXECUTE FUNCTION workflow.append_only();
CREATE TRIGGER append_only_updated BEFORE UPDATE ON workflow.instances FOR EACH ROW
    WHEN (to_jsonb(OLD) - 'revision' IS DISTINCT FROM to_jsonb(NEW) - 'revision') EXECUTE FUNCTION workflow.append_only();

-- ── The form ────────────────────────────────────────────────────────────────────────────────────────────────────────────

DO $$
DECLARE
    ours record;
BEGIN
    FOR ours IN SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
                WHERE NOT tgisinternal AND relnamespace IN ('iam'::regnamespace, 'workflow'::regnamespace) LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', ours.relation, ours.tgname);
    END LOOP;
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA iam, workflow FROM PUBLIC;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA iam, workflow FROM service_role;
        GRANT SELECT ON iam.changes TO service_role;
        GRANT INSERT (content_digest) ON workflow.instances, workflow.decisions TO service_role;
    END IF;
END $$;

-- The history of the migrations lies in public, where Supabase gives all rights on new tables to the API's roles: with
-- INSERT, a migration that never ran counts as done, and with TRIGGER, the next one runs somebody's function as the owner.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN SELECT DISTINCT grantee FROM pg_class, aclexplode(relacl)
                 WHERE pg_class.oid = to_regclass('public.refinery_schema_history') AND grantee <> relowner LOOP
        EXECUTE format('REVOKE ALL ON public.refinery_schema_history FROM %s CASCADE',
                       CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
    END LOOP;
    FOR given IN SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass('public.refinery_schema_history') AND NOT tgisinternal LOOP
        EXECUTE format('DROP TRIGGER %I ON public.refinery_schema_history', given.tgname);
    END LOOP;
END $$;
