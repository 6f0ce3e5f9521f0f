-- Segregation of duties. Enforced here and not in an application: whoever writes, through whatever client and in whatever
-- order, no role and no user can end up with both permissions of an enabled rule.
CREATE TABLE iam.sod_rules (
    rule_code    text        COLLATE "C" NOT NULL CONSTRAINT sod_rules_pkey PRIMARY KEY
                             CONSTRAINT sod_rules_code_check CHECK (rule_code ~ '^[a-z][a-z0-9_]{1,62}$'),
    permission_a text        COLLATE "C" NOT NULL CONSTRAINT sod_rules_permission_a_fkey REFERENCES iam.permissions,
    permission_b text        COLLATE "C" NOT NULL CONSTRAINT sod_rules_permission_b_fkey REFERENCES iam.permissions,
    severity     text        NOT NULL CONSTRAINT sod_rules_severity_check CHECK (severity IN ('medium', 'high', 'critical')),
    description  text        NOT NULL,
    enabled      boolean     NOT NULL DEFAULT true,
    is_system    boolean     NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- One spelling per pair, so that "unique" also finds the pair the other way round.
    CONSTRAINT sod_rules_order_check CHECK (permission_a < permission_b),
    CONSTRAINT sod_rules_pair_key UNIQUE (permission_a, permission_b)
);
COMMENT ON TABLE iam.sod_rules IS
    'Pairs of permissions that must not meet in one hand. Breaking an enabled one violates the constraint sod_rules_no_conflict.';

-- Two grants of one user conflict if both are valid at some moment from now on. A grant that has ended conflicts with nothing,
-- one that lies ahead conflicts already today. Hence the mere passing of time can end a conflict but never start one, and
-- checking at every write is enough. A user's status does not count: being enabled again must not need a check of its own.
CREATE VIEW iam.sod_conflicts WITH (security_invoker = true) AS
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
                  * tstzrange(now(), NULL));
COMMENT ON VIEW iam.sod_conflicts IS 'Roles (user_id NULL) and users that hold both permissions of an enabled rule: the triggers keep it empty.';

-- Two transactions can each be innocent and break a rule together, and neither sees the other's uncommitted rows. So every
-- statement that could break one first updates this row: the second waits until the first has ended and its check then
-- sees what was committed (READ COMMITTED takes a new snapshot for each query), or, at REPEATABLE READ and above where it
-- would not see it, fails with serialization_failure. An advisory or table lock would leave exactly that gap. One row for the
-- whole tenant and not one per user, since a rule or a role concerns many users; administrators' clicks do not queue.
CREATE TABLE iam.sod_guard (
    only_row boolean NOT NULL DEFAULT true CONSTRAINT sod_guard_pkey PRIMARY KEY
                     CONSTRAINT sod_guard_only_row_check CHECK (only_row),
    revision bigint  NOT NULL DEFAULT 0
);
COMMENT ON TABLE iam.sod_guard IS 'The one row that all writers of grants, roles and rules lock, one after the other.';
INSERT INTO iam.sod_guard DEFAULT VALUES;

-- SECURITY DEFINER: under the writer's own rights row level security could hide the very rows that conflict.
-- An empty search_path, so that nobody can slip a table of theirs in.
CREATE FUNCTION iam.sod_lock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    UPDATE iam.sod_guard SET revision = revision + 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'iam.sod_guard has lost its row: segregation of duties cannot be checked'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION iam.sod_lock() IS 'Before a statement, so that the guard is the first lock taken and writers cannot deadlock over it.';

CREATE FUNCTION iam.sod_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    found_conflict iam.sod_conflicts;
BEGIN
    CASE TG_TABLE_NAME
    WHEN 'user_roles' THEN
        SELECT * INTO found_conflict FROM iam.sod_conflicts AS conflict
        WHERE conflict.user_id IN (SELECT user_id FROM changed)
        ORDER BY rule_code, user_id LIMIT 1;
    WHEN 'role_permissions' THEN
        -- NULLS FIRST: a role that conflicts by itself is the cause, its users only the consequence.
        SELECT * INTO found_conflict FROM iam.sod_conflicts AS conflict
        WHERE conflict.role_a IN (SELECT role_code FROM changed) OR conflict.role_b IN (SELECT role_code FROM changed)
        ORDER BY rule_code, user_id NULLS FIRST LIMIT 1;
    WHEN 'sod_rules' THEN
        SELECT * INTO found_conflict FROM iam.sod_conflicts AS conflict
        WHERE conflict.rule_code IN (SELECT rule_code FROM changed)
        ORDER BY rule_code, user_id NULLS FIRST LIMIT 1;
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
COMMENT ON FUNCTION iam.sod_check() IS 'After a statement, on its result as a whole: exchanging one role for another in one statement is no conflict.';

-- The same three triggers on the three tables that can break a rule; taking something away never can. Two for the check, because a
-- trigger with a transition table serves one event. ENABLE ALWAYS: ordinary triggers are skipped by a session that has
-- set session_replication_role to replica, as a restore does.
DO $$
DECLARE
    guarded text;
    trigger_name text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['role_permissions', 'user_roles', 'sod_rules'] LOOP
        EXECUTE format('CREATE TRIGGER sod_lock BEFORE INSERT OR UPDATE ON iam.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_lock()', guarded);
        EXECUTE format('CREATE TRIGGER sod_check_inserted AFTER INSERT ON iam.%I REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_check()', guarded);
        EXECUTE format('CREATE TRIGGER sod_check_updated AFTER UPDATE ON iam.%I REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION iam.sod_check()', guarded);
        FOREACH trigger_name IN ARRAY ARRAY['sod_lock', 'sod_check_inserted', 'sod_check_updated'] LOOP
            EXECUTE format('ALTER TABLE iam.%I ENABLE ALWAYS TRIGGER %I', guarded, trigger_name);
        END LOOP;
    END LOOP;
END $$;
