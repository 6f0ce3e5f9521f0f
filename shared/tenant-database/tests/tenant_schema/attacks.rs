//! What the application's own role may not do: become the owner, act by a right that has ended, or leave no trace.

use refinery::Target;
use test_database::{TestDatabase, tenant_migrations};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::database::{count, refusal, refused, run, start_and_wait_for_lock, try_and_undo};
use crate::workflow::{ADMIN, CAST, approve, cast, user};
use crate::{TENANT_ADMIN_GRANT, TENANT_ADMIN_WITHDRAW};

/// Functions of our schemas, and triggers on our tables.
const FUNCTIONS: &str =
    "FROM pg_proc AS f WHERE f.pronamespace IN ('iam'::regnamespace, 'workflow'::regnamespace) AND f.prokind = 'f'";
const TRIGGERS: &str = "FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace IN ('iam'::regnamespace, 'workflow'::regnamespace)";

async fn service(database: &TestDatabase) -> Client {
    let service = database.connect().await;
    run(&service, "SET ROLE service_role").await;
    service
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_function_and_trigger_has_the_form() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    assert!(count(&owner, &format!("SELECT count(*) {FUNCTIONS}")).await > 0);
    for (what, condition) in [
        ("names can be found in pg_temp", "f.proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']"),
        (
            "somebody but the owner may execute it",
            "EXISTS (SELECT FROM aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) WHERE grantee <> f.proowner)",
        ),
        ("it has no comment", "obj_description(f.oid, 'pg_proc') IS NULL AND f.proname NOT LIKE 'sod_%'"),
    ] {
        let sql = format!("SELECT string_agg(f.oid::regprocedure::text, ', ') {FUNCTIONS} AND ({condition})");
        let found: Option<String> = owner.query_one(&sql, &[]).await.expect(&sql).get(0);
        assert_eq!(found, None, "{what}");
    }
    let sql = format!("SELECT string_agg(t.tgname || ' on ' || c.relname, ', ') {TRIGGERS} AND t.tgenabled <> 'A'");
    let found: Option<String> = owner.query_one(&sql, &[]).await.expect(&sql).get(0);
    assert_eq!(found, None, "replica mode skips a trigger");

    // Even for the owner, a function that a trigger calls serves the tables only that it was made for.
    let sql = format!("SELECT f.oid::regproc::text {FUNCTIONS} AND f.prorettype = 'trigger'::regtype");
    let functions = owner.query(&sql, &[]).await.expect(&sql);
    assert!(functions.len() > 8, "{functions:?}");
    for function in functions {
        let function: String = function.get(0);
        for (when, level) in [("BEFORE", "ROW"), ("AFTER", "ROW"), ("BEFORE", "STATEMENT")] {
            let misused = format!(
                "CREATE TEMP TABLE instances (instance_id uuid, template_code text);
                 CREATE TRIGGER misused {when} INSERT ON instances FOR EACH {level} EXECUTE FUNCTION {function}();
                 INSERT INTO instances VALUES (gen_random_uuid(), 'supplier_payment')"
            );
            run(&owner, "BEGIN").await;
            let error = owner.batch_execute(&misused).await.expect_err(&function);
            assert_eq!(error.code().map(SqlState::code), Some("39P01"), "{function}: {error:?}");
            run(&owner, "ROLLBACK").await;
        }
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_application_does_not_become_the_owner() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let service = service(&database).await;
    // Domains with the names of types, whose checks run as whoever casts to them.
    let trap = "CREATE TEMP TABLE seen (who text); GRANT ALL ON seen TO PUBLIC;
        CREATE FUNCTION pg_temp.spring() RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO seen VALUES (current_user); RETURN true; END $$;
        GRANT EXECUTE ON FUNCTION pg_temp.spring() TO PUBLIC;";
    run(&service, trap).await;
    for name in ["text", "uuid", "name", "regclass", "jsonb", "record", "timestamptz", "bytea", "int8"] {
        run(&service, &format!("CREATE DOMAIN pg_temp.{name} AS pg_catalog.text CHECK (pg_temp.spring())")).await;
    }
    let instance = "INSERT INTO workflow.instances (instance_id, template_code, subject)
        VALUES ('00000000-0000-0000-0000-000000000007', 'supplier_payment', 'payment/7');";
    run(&service, instance).await;
    run(&service, &approve(7, 1, 'a')).await;
    let grant = format!(
        "INSERT INTO iam.users (user_id, auth_user_id, email) VALUES ({}, gen_random_uuid(), 'f@tenant.test');
         INSERT INTO iam.user_roles (user_id, role_code, granted_by) VALUES ({}, 'auditor', {ADMIN});
         DELETE FROM iam.user_roles WHERE user_id = {};",
        user('f'),
        user('f'),
        user('f')
    );
    run(&service, &grant).await;
    for refused in ["DELETE FROM iam.roles WHERE is_system", "UPDATE iam.users SET email = 'x' || email WHERE acted"] {
        assert!(service.batch_execute(refused).await.is_err(), "{refused}");
    }
    assert!(service.batch_execute(&approve(7, 2, 'a')).await.is_err());
    let others = "SELECT count(*) FROM seen WHERE who <> 'service_role'";
    assert_eq!(count(&service, others).await, 0, "the trap ran as somebody else");

    let triggers = "CREATE TEMP TABLE instances (instance_id pg_catalog.uuid, template_code pg_catalog.text);
        CREATE TRIGGER misused AFTER INSERT ON instances FOR EACH ROW EXECUTE FUNCTION workflow.copy_steps();";
    let error = service.batch_execute(triggers).await.expect_err("nobody may execute our functions");
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error:?}");
    drop(owner);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_history_of_migrations_is_the_owners() {
    let database = TestDatabase::tenant().await;
    let superuser = database.connect().await;
    let sql = "SELECT string_agg(concat_ws(' ', grantee::regrole::text, privilege_type), ', ')
               FROM pg_class, aclexplode(relacl)
               WHERE oid = 'public.refinery_schema_history'::regclass AND grantee <> relowner";
    let given: Option<String> = superuser.query_one(sql, &[]).await.expect(sql).get(0);
    assert_eq!(given, None);
    for role in ["service_role", "authenticated", "anon"] {
        let client = database.connect().await;
        run(&client, &format!("SET ROLE {role}")).await;
        for sql in [
            "SELECT FROM public.refinery_schema_history",
            "INSERT INTO public.refinery_schema_history (version) VALUES (99)",
            "UPDATE public.refinery_schema_history SET checksum = '0'",
            "DELETE FROM public.refinery_schema_history",
            "TRUNCATE public.refinery_schema_history",
            "CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER mine BEFORE INSERT ON public.refinery_schema_history
             FOR EACH ROW EXECUTE FUNCTION pg_temp.f()",
        ] {
            let error = client.batch_execute(sql).await.expect_err(sql);
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{role}: {sql}");
        }
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn who_has_acted_keeps_their_identity() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let service = service(&database).await;
    let rename = format!("UPDATE iam.users SET email = 'other@tenant.test' WHERE user_id = {};", user('a'));
    let exchange = format!("UPDATE iam.users SET auth_user_id = gen_random_uuid() WHERE user_id = {};", user('a'));
    assert_eq!(try_and_undo(&service, &[&*rename, &exchange].concat()).await, None, "nothing is done yet");
    run(&service, &approve(2, 1, 'a')).await;
    let acts = [
        rename.clone(),
        exchange,
        format!("UPDATE iam.users SET acted = false WHERE user_id = {}", user('a')),
        format!("UPDATE iam.users SET user_id = gen_random_uuid() WHERE user_id = {}", user('a')),
        format!("DELETE FROM iam.users WHERE user_id = {}", user('a')),
        // Who granted, even after the grants were revoked.
        format!("DELETE FROM iam.user_roles WHERE granted_by = {ADMIN}; DELETE FROM iam.users WHERE user_id = {ADMIN}"),
        format!("UPDATE iam.users SET email = 'x@tenant.test' WHERE user_id = {ADMIN}"),
        "INSERT INTO iam.users (auth_user_id, email) VALUES (gen_random_uuid(), 'a@tenant.test')
         ON CONFLICT (email) DO UPDATE SET auth_user_id = excluded.auth_user_id"
            .to_owned(),
    ];
    for client in [&service, &owner] {
        for act in &acts {
            assert_eq!(try_and_undo(client, act).await.as_deref(), Some("users_identity"), "{act}");
        }
        assert_eq!(try_and_undo(client, "UPDATE iam.users SET status = 'disabled'").await, None);
    }
    // In replica mode too.
    let replica = database.connect().await;
    run(&replica, "SET session_replication_role = replica").await;
    assert_eq!(try_and_undo(&replica, &rename).await.as_deref(), Some("users_identity"));

    // A snapshot from before the act does not help.
    let other = rename.replace("other", "bob").replace(&user('a'), &user('b'));
    let old = database.connect().await;
    run(&old, "SET ROLE service_role; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM iam.users").await;
    run(&service, &approve(2, 2, 'b')).await;
    let error = old.batch_execute(&other).await.expect_err("an old snapshot");
    assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{error:?}");
    // Nor does being faster than the act's commit.
    run(&owner, &["BEGIN;", &approve(1, 1, 'a'), &approve(1, 2, 'c')].concat()).await;
    let waits = rename.replace("other", "cleo").replace(&user('a'), &user('c'));
    let waiting = start_and_wait_for_lock(&database, &owner, &waits).await;
    run(&owner, "COMMIT").await;
    assert_eq!(refused(waiting.await.expect("the other session"), &waits).0, "users_identity");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_grant_is_made_by_somebody_who_may() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let service = service(&database).await;
    let grant = |by: &str| {
        let user = user('a');
        format!("INSERT INTO iam.user_roles (user_id, role_code, granted_by) VALUES ({user}, 'auditor', {by});")
    };
    for (by, constraint) in [
        ("NULL", Some("user_roles_granter_named")),
        (&user('b'), Some("user_roles_granter_may_assign")),
        ("gen_random_uuid()", Some("user_roles_granter_may_assign")),
        (ADMIN, None),
    ] {
        assert_eq!(try_and_undo(&service, &grant(by)).await.as_deref(), constraint, "{by}");
    }
    let own =
        format!("INSERT INTO iam.user_roles (user_id, role_code, granted_by) VALUES ({ADMIN}, 'ap_clerk', {ADMIN})");
    assert_eq!(try_and_undo(&service, &own).await.as_deref(), Some("user_roles_not_self_check"));
    // Whoever has lost the right grants nothing more, and what they granted stays.
    for ended in [
        format!("UPDATE iam.users SET status = 'disabled' WHERE user_id = {ADMIN};"),
        format!("UPDATE iam.user_roles SET valid_until = clock_timestamp() WHERE user_id = {ADMIN};"),
        format!("DELETE FROM iam.user_roles WHERE user_id = {ADMIN};"),
    ] {
        let late = [&*ended, &grant(ADMIN)].concat();
        assert_eq!(try_and_undo(&service, &late).await.as_deref(), Some("user_roles_granter_may_assign"), "{ended}");
    }

    run(&service, &grant(ADMIN)).await;
    let of_auditor = "WHERE role_code = 'auditor'";
    for (change, constraint) in [
        ("granted_by = '00000000-0000-0000-0000-00000000000b'", "user_roles_granted"),
        ("granted_by = NULL", "user_roles_granted"),
        ("granted_at = '2020-01-01'", "user_roles_granted"),
        ("valid_until = now() + interval '1 day', granted_by = NULL", "user_roles_granter_named"),
        ("role_code = 'compliance_officer', granted_by = NULL", "user_roles_granter_named"),
        ("user_id = '00000000-0000-0000-0000-00000000000c', granted_by = NULL", "user_roles_granter_named"),
        (
            "role_code = 'compliance_officer', granted_by = '00000000-0000-0000-0000-00000000000b'",
            "user_roles_granter_may_assign",
        ),
    ] {
        let sql = format!("UPDATE iam.user_roles SET {change} {of_auditor}");
        assert_eq!(try_and_undo(&service, &sql).await.as_deref(), Some(constraint), "{change}");
    }
    let rewritten = format!("UPDATE iam.user_roles SET granted_by = {} {of_auditor}", user('b'));
    assert_eq!(try_and_undo(&owner, &rewritten).await.as_deref(), Some("user_roles_granted"));
    let dated = format!("UPDATE iam.user_roles SET granted_at = '2020-01-01', role_code = 'controller' {of_auditor}");
    run(&service, &dated).await;
    let recent = "SELECT count(*) FROM iam.user_roles WHERE granted_at > clock_timestamp() - interval '1 minute'";
    assert_eq!(count(&owner, recent).await, count(&owner, "SELECT count(*) FROM iam.user_roles").await);
    // Ending a grant earlier asks nobody.
    let ended = format!(
        "DELETE FROM iam.user_roles WHERE user_id = {ADMIN};
         UPDATE iam.user_roles SET valid_until = clock_timestamp() WHERE role_code = 'controller'"
    );
    assert_eq!(try_and_undo(&service, &ended).await, None);

    // A granter whose right ends meanwhile: the grant waits for that, or begins again.
    run(&owner, &format!("BEGIN; DELETE FROM iam.user_roles WHERE user_id = {ADMIN}")).await;
    let late = grant(ADMIN);
    let waiting = start_and_wait_for_lock(&database, &owner, &late).await;
    run(&owner, "COMMIT").await;
    assert_eq!(refused(waiting.await.expect("the other session"), &late).0, "user_roles_granter_may_assign");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_change_of_rights_leaves_a_trace() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let service = service(&database).await;
    let there = count(&owner, "SELECT count(*) FROM iam.changes").await;
    let clerk = user('a');
    run(
        &service,
        &format!(
            "UPDATE iam.sod_rules SET enabled = false WHERE rule_code = 'payment_maker_releaser';
             INSERT INTO iam.user_roles (user_id, role_code, granted_by) VALUES ({clerk}, 'treasurer', {ADMIN});
             DELETE FROM iam.user_roles WHERE user_id = {clerk} AND role_code = 'treasurer';
             UPDATE iam.sod_rules SET enabled = true WHERE rule_code = 'payment_maker_releaser';
             INSERT INTO iam.permissions (permission_code, description) VALUES ('own.do', '');
             INSERT INTO iam.roles (role_code, name, description) VALUES ('own', 'Own', '');
             INSERT INTO iam.role_permissions (role_code, permission_code) VALUES ('own', 'own.do');
             DELETE FROM iam.roles WHERE role_code = 'own';
             INSERT INTO workflow.templates (template_code, name, description) VALUES ('own', 'Own', '');
             INSERT INTO workflow.template_steps (template_code, position, name, required_permission, sla_hours)
             VALUES ('own', 1, 'Only', 'own.do', 1);
             UPDATE workflow.template_steps SET approvals = 2 WHERE template_code = 'own';
             UPDATE iam.users SET status = 'disabled' WHERE user_id = {clerk};"
        ),
    )
    .await;
    let sql = "SELECT relation || ' ' || operation, session_role, acting_role, before::text, after::text
               FROM iam.changes ORDER BY change_id OFFSET $1";
    let rows = owner.query(sql, &[&there]).await.expect("the changes");
    let found: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        found,
        [
            "iam.sod_rules UPDATE",
            "iam.user_roles INSERT",
            "iam.user_roles DELETE",
            "iam.sod_rules UPDATE",
            "iam.permissions INSERT",
            "iam.roles INSERT",
            "iam.role_permissions INSERT",
            "iam.roles DELETE",
            // By the cascade.
            "iam.role_permissions DELETE",
            "workflow.templates INSERT",
            "workflow.template_steps INSERT",
            "workflow.template_steps UPDATE",
            "iam.users UPDATE",
        ]
    );
    let login: String = owner.query_one("SELECT session_user::text", &[]).await.expect("a name").get(0);
    for row in &rows {
        assert_eq!((row.get::<_, &str>(1), row.get::<_, &str>(2)), (&*login, "service_role"));
    }
    let (before, after): (Option<&str>, Option<&str>) = (rows[0].get(3), rows[0].get(4));
    assert!(before.is_some_and(|row| row.contains(r#""enabled": true"#)), "{before:?}");
    assert!(after.is_some_and(|row| row.contains(r#""enabled": false"#)), "{after:?}");
    let same = "SELECT count(DISTINCT transaction_id) FROM iam.changes WHERE acting_role = 'service_role'";
    assert_eq!(count(&owner, same).await, 1);

    // The clock and not the transaction's beginning; and replica mode does not hide a change.
    let replica = database.connect().await;
    run(&replica, "BEGIN; SET session_replication_role = replica; SELECT pg_sleep(0.05)").await;
    run(&replica, "UPDATE iam.sod_rules SET enabled = false WHERE rule_code = 'trade_and_limit'").await;
    let late =
        "SELECT count(*) FROM iam.changes WHERE acting_role <> 'service_role' AND changed_at > now() + interval '40 ms'
                AND after ->> 'rule_code' = 'trade_and_limit'";
    assert_eq!(count(&replica, late).await, 1);
    run(&replica, "COMMIT").await;

    for sql in [
        "UPDATE iam.changes SET acting_role = 'nobody'",
        "DELETE FROM iam.changes",
        "TRUNCATE iam.changes",
        "INSERT INTO iam.changes (session_role, acting_role, relation, operation, before)
         VALUES ('a', 'b', 'iam.users', 'DELETE', '{}')",
        "TRUNCATE iam.user_roles",
        "TRUNCATE iam.users CASCADE",
        "MERGE INTO iam.changes USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE",
    ] {
        assert!(service.batch_execute(sql).await.is_err(), "{sql}");
        for client in [&owner, &replica] {
            assert_eq!(try_and_undo(client, sql).await.as_deref(), Some("append_only"), "{sql}");
        }
    }
    let read = "SELECT count(*) FROM iam.changes";
    assert!(count(&service, read).await > there, "the application may read them");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_open_transaction_does_not_outlive_a_right() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let lists = format!("SELECT count(*) FROM iam.effective_permissions WHERE user_id = {}", user('a'));
    // A right that ends, in every way, after a transaction began.
    for (level, ending) in [
        ("READ COMMITTED", "UPDATE iam.user_roles SET valid_until = clock_timestamp() WHERE role_code = 'ap_clerk';"),
        ("READ COMMITTED", "DELETE FROM iam.user_roles WHERE role_code = 'ap_clerk';"),
        ("REPEATABLE READ", "UPDATE iam.user_roles SET valid_until = clock_timestamp() WHERE role_code = 'ap_clerk';"),
        ("REPEATABLE READ", "DELETE FROM iam.user_roles WHERE role_code = 'ap_clerk';"),
        ("REPEATABLE READ", "UPDATE iam.users SET status = 'disabled' WHERE email = 'a@tenant.test';"),
        ("SERIALIZABLE", "DELETE FROM iam.user_roles WHERE role_code = 'ap_clerk';"),
        ("REPEATABLE READ", "DELETE FROM iam.users WHERE email = 'a@tenant.test';"),
    ] {
        let database = TestDatabase::tenant().await;
        let owner = cast(&database).await;
        let old = service(&database).await;
        run(&old, &format!("BEGIN ISOLATION LEVEL {level}; {lists}")).await;
        run(&owner, ending).await;
        if level == "READ COMMITTED" {
            assert_eq!(count(&old, &lists).await, 0, "lists are of this moment: {ending}");
            assert_eq!(refusal(&old, &approve(2, 1, 'a')).await.0, "decisions_permission_held", "{ending}");
        } else {
            let error = old.batch_execute(&approve(2, 1, 'a')).await.expect_err(ending);
            assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{level} {ending}: {error:?}");
        }
    }
    // A right that ends by itself while the transaction is open, or while the decision waits.
    let soon =
        "UPDATE iam.user_roles SET valid_until = clock_timestamp() + interval '300 ms' WHERE role_code = 'ap_clerk'";
    let old = service(&database).await;
    run(&old, &format!("BEGIN; {lists}")).await;
    run(
        &owner,
        &["BEGIN; UPDATE iam.sod_guard SET revision = revision;", soon, "; COMMIT; BEGIN;", &approve(2, 1, 'a')]
            .concat(),
    )
    .await;
    let late = approve(2, 1, 'a');
    let waiting = start_and_wait_for_lock(&database, &owner, &late).await;
    run(&old, "SELECT pg_sleep(0.4)").await;
    run(&owner, "ROLLBACK").await;
    assert_eq!(refused(waiting.await.expect("the other session"), &late).0, "decisions_permission_held");
    assert_eq!(count(&old, &lists).await, 0);
    assert_eq!(refusal(&old, &late).await.0, "decisions_permission_held");

    // A right does not end under a decision that is under way: whoever takes it waits, and it ends after.
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    run(&owner, &["BEGIN;", &approve(2, 1, 'a')].concat()).await;
    let revoked = "DELETE FROM iam.user_roles WHERE role_code = 'ap_clerk'";
    let waiting = start_and_wait_for_lock(&database, &owner, revoked).await;
    run(&owner, "COMMIT").await;
    waiting.await.expect("the other session").expect(revoked);
    // Users who decide do not wait for each other.
    run(&owner, &["BEGIN;", &approve(2, 2, 'b')].concat()).await;
    let other = service(&database).await;
    let grant = format!(
        "INSERT INTO iam.user_roles (user_id, role_code, granted_by) VALUES ({}, 'ap_clerk', {ADMIN})",
        user('a')
    );
    run(&owner, "COMMIT").await;
    run(&owner, &grant).await;
    run(&owner, &["BEGIN;", &approve(1, 1, 'a')].concat()).await;
    let third = "INSERT INTO workflow.instances (instance_id, template_code, subject)
        VALUES ('00000000-0000-0000-0000-000000000003', 'supplier_payment', 'payment/3');";
    run(&other, &["SET statement_timeout = '5s';", third].concat()).await;
    run(&owner, "COMMIT").await;
    run(&other, &approve(3, 1, 'a')).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_old_snapshot_starts_nothing_by_old_steps_or_rules() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let own = "INSERT INTO workflow.templates (template_code, name, description) VALUES ('own', 'Own', '');
        INSERT INTO workflow.template_steps (template_code, position, name, required_permission, sla_hours)
        VALUES ('own', 1, 'Only', 'payments.create', 1);";
    run(&owner, own).await;
    let start = "INSERT INTO workflow.instances (template_code, subject) VALUES ('own', 'x')";
    let rule = "INSERT INTO iam.sod_rules (rule_code, permission_a, permission_b, severity, description)
        VALUES ('own', 'payments.create', 'users.manage', 'high', '')";
    for (change, late) in [
        ("UPDATE workflow.template_steps SET approvals = 2 WHERE template_code = 'own'", start.to_owned()),
        (rule, approve(2, 1, 'a')),
    ] {
        let old = service(&database).await;
        run(&old, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM iam.sod_guard").await;
        run(&owner, change).await;
        let error = old.batch_execute(&late).await.expect_err(change);
        assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{change}: {error:?}");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn instances_that_were_running_are_protected_too() {
    let database = TestDatabase::empty().await;
    let mut before = database.connect().await;
    run(&before, "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO service_role").await;
    tenant_migrations().set_target(Target::Version(6)).run_async(&mut before).await.expect("the release before");
    run(&before, CAST).await;
    run(&before, &approve(2, 1, 'a')).await;
    // Until a database is brought to this release, provisioning uses it as it is.
    let email = "late@tenant.test";
    for _ in 0..2 {
        let auth_id = uuid::Uuid::now_v7();
        assert_eq!(before.query(TENANT_ADMIN_GRANT, &[&auth_id, &email]).await.expect("granted").len(), 1);
        assert!(before.query(TENANT_ADMIN_WITHDRAW, &[&email, &true, &true]).await.expect("withdrawn").is_empty());
    }
    // What an attacker left behind.
    let surplus =
        "INSERT INTO workflow.template_steps (template_code, position, name, required_permission, approvals, sla_hours)
        VALUES ('supplier_payment', 4, 'Never', 'payments.release', 32767, 1);
        INSERT INTO workflow.instances (instance_id, template_code, subject)
        VALUES ('00000000-0000-0000-0000-000000000004', 'supplier_payment', 'payment/4');";
    run(&before, surplus).await;
    let mine = service(&database).await;
    let trigger = "CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN GRANT ALL ON ALL TABLES IN SCHEMA workflow TO service_role; RETURN NEW; END $$;
        CREATE TRIGGER mine BEFORE INSERT ON public.refinery_schema_history FOR EACH ROW EXECUTE FUNCTION pg_temp.f()";
    run(&mine, trigger).await;

    tenant_migrations().run_async(&mut before).await.expect("this release");
    let owner = before;
    let steps = |table: &str| format!("SELECT count(*) FROM workflow.{table} WHERE position = 4");
    assert_eq!(count(&owner, &steps("template_steps")).await, 0);
    assert_eq!(count(&owner, &steps("instance_steps")).await, 1, "its steps stay as they are");
    let escalated = "SELECT count(*) FROM pg_class WHERE oid = 'workflow.instance_steps'::regclass
        AND has_table_privilege('service_role', oid, 'UPDATE')";
    assert_eq!(count(&owner, escalated).await, 0, "the trigger on the history has run");

    let change = "UPDATE iam.user_roles SET role_code = 'treasurer' WHERE role_code = 'ap_clerk'";
    run(&owner, change).await;
    run(&owner, &approve(2, 2, 'b')).await;
    assert_eq!(refusal(&owner, &approve(2, 3, 'a')).await.0, "decisions_duties_apart");
    run(&owner, &approve(2, 3, 'd')).await;
    let acted = "SELECT count(*) FROM iam.users WHERE acted";
    assert_eq!(count(&owner, acted).await, 4);
    let rename = format!("UPDATE iam.users SET email = 'x@tenant.test' WHERE user_id = {}", user('a'));
    assert_eq!(refusal(&owner, &rename).await.0, "users_identity");
    let kept = "SELECT count(*) FROM iam.changes WHERE operation = 'DELETE' AND before ->> 'approvals' = '32767'";
    assert_eq!(count(&owner, kept).await, 1);
}
