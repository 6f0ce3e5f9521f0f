-- What was seeded stays as it was seeded: applications rely on it by name, and provisioning compares its counts with the
-- manifest. A later migration that changes system rows disables the trigger system_rows around it, which only the owner can.
CREATE FUNCTION iam.protect_system_rows() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    allowed boolean;
BEGIN
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
COMMENT ON FUNCTION iam.protect_system_rows() IS 'System rows can be neither added, changed nor removed; only a SoD rule can be enabled and disabled.';

DO $$
DECLARE
    seeded regclass;
BEGIN
    FOREACH seeded IN ARRAY ARRAY['iam.permissions', 'iam.roles', 'iam.role_permissions', 'iam.sod_rules',
                                  'workflow.templates', 'workflow.template_steps']::regclass[] LOOP
        EXECUTE format('CREATE TRIGGER system_rows BEFORE INSERT OR UPDATE OR DELETE ON %s
                        FOR EACH ROW EXECUTE FUNCTION iam.protect_system_rows()', seeded);
        EXECUTE format('CREATE TRIGGER system_rows_truncate BEFORE TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION iam.protect_system_rows()', seeded);
    END LOOP;
END $$;

-- Nobody but the owner, and roles that bypass row level security, sees a row: there are no policies. An application that wants
-- anon or authenticated to read something grants it and adds the policy, knowingly.
DO $$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('iam', 'workflow') ORDER BY 1, 2 LOOP
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', guarded.schemaname, guarded.tablename);
    END LOOP;

    -- Supabase's role for servers, which bypasses row level security. Elsewhere it need not exist.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT USAGE ON SCHEMA iam, workflow TO service_role;
        GRANT SELECT ON ALL TABLES IN SCHEMA iam, workflow TO service_role;
        GRANT INSERT, UPDATE, DELETE ON iam.permissions, iam.roles, iam.role_permissions, iam.users, iam.user_roles, iam.sod_rules TO service_role;
        GRANT INSERT, UPDATE, DELETE ON workflow.templates, workflow.template_steps TO service_role;
        GRANT INSERT (instance_id, template_code, subject) ON workflow.instances TO service_role;
        GRANT INSERT (instance_id, position, user_id, verdict, comment) ON workflow.decisions TO service_role;
    END IF;
END $$;

-- The migrations' own history lies in public, which Supabase serves to anon with all rights by default.
ALTER TABLE IF EXISTS public.refinery_schema_history ENABLE ROW LEVEL SECURITY;
