//! The tenant schema on a real Postgres. The tests try to break the rules that its comments describe.

use serde_json::Value;
use test_database::{TestDatabase, tenant_migrations};
use uuid::Uuid;

mod attacks;
mod database;
mod sod;
mod statements;
mod workflow;

use database::{count, refusal, run, try_and_undo};

const MANIFEST: &str = include_str!("../../migrations/tenant/manifest.json");
const SEED_COUNTS: &str = include_str!("../../sql/seed_counts.sql");
const TENANT_ADMIN_GRANT: &str = include_str!("../../sql/tenant_admin_grant.sql");
const TENANT_ADMIN_WITHDRAW: &str = include_str!("../../sql/tenant_admin_withdraw.sql");

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_seeded_rows_match_the_manifest() {
    let database = TestDatabase::tenant().await;
    let mut owner = database.connect_as_owner().await;
    let again = tenant_migrations().run_async(&mut owner).await.expect("run again");
    assert!(again.applied_migrations().is_empty());

    let manifest: Value = serde_json::from_str(MANIFEST).expect("the manifest is JSON");
    let highest = tenant_migrations().get_migrations().iter().map(refinery::Migration::version).max();
    assert_eq!(manifest["schema_version"].as_i64(), highest.map(i64::from));
    let row = owner.query_one(SEED_COUNTS, &[]).await.expect("the counts");
    for (index, column) in row.columns().iter().enumerate() {
        assert_eq!(manifest[column.name()].as_i64(), Some(row.get(index)), "{}", column.name());
    }
    assert_eq!(manifest.as_object().map(serde_json::Map::len), Some(row.len() + 1));

    assert_eq!(count(&owner, "SELECT count(*) FROM iam.sod_conflicts").await, 0);
    for unusable in [
        "SELECT count(*) FROM iam.roles WHERE role_code NOT IN (SELECT role_code FROM iam.role_permissions)",
        "SELECT count(*) FROM iam.permissions WHERE permission_code NOT IN (SELECT permission_code FROM iam.role_permissions)",
        "SELECT count(*) FROM workflow.templates WHERE template_code NOT IN (SELECT template_code FROM workflow.template_steps)",
    ] {
        assert_eq!(count(&owner, unusable).await, 0, "{unusable}");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_table_is_described_and_closed() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    let tables =
        "FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('iam'::regnamespace, 'workflow'::regnamespace)";
    assert_eq!(count(&owner, &format!("SELECT count(*) {tables}")).await, 13);
    let described = format!("SELECT count(*) {tables} AND obj_description(oid, 'pg_class') IS NULL");
    assert_eq!(count(&owner, &described).await, 0);
    assert_eq!(count(&owner, &format!("SELECT count(*) {tables} AND NOT relrowsecurity")).await, 0);
    assert_eq!(count(&owner, "SELECT count(*) FROM pg_policies").await, 0);

    // Even with every privilege granted, a role that does not bypass row level security sees nothing.
    run(&owner, "GRANT USAGE ON SCHEMA iam, workflow TO anon").await;
    run(&owner, "GRANT SELECT ON ALL TABLES IN SCHEMA iam, workflow, public TO anon").await;
    run(&owner, workflow::CAST).await;
    let anon = database.connect().await;
    run(&anon, "SET ROLE anon").await;
    for hidden in [
        "iam.permissions",
        "iam.effective_permissions",
        "iam.changes",
        "workflow.templates",
        "public.refinery_schema_history",
    ] {
        assert_eq!(count(&anon, &format!("SELECT count(*) FROM {hidden}")).await, 0, "{hidden}");
    }
    let service = database.connect().await;
    run(&service, "SET ROLE service_role").await;
    run(&service, &sod::CAST.replace("00000000000", "10000000000")).await;
    let granted = |sql: &str| {
        let sql =
            sql.replace("00000000000", "10000000000").replace("role_code) VALUES", "role_code, granted_by) VALUES");
        sql.replace("');", &format!("', {});", workflow::ADMIN))
    };
    assert_eq!(refusal(&service, &granted(&[sod::LEFT, sod::RIGHT].concat())).await.0, sod::CONSTRAINT);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn system_rows_stay_as_they_were_seeded() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    for sql in [
        "DELETE FROM iam.role_permissions WHERE role_code = 'auditor' AND permission_code = 'audit.read'",
        "DELETE FROM iam.roles WHERE role_code = 'auditor'",
        "DELETE FROM iam.sod_rules WHERE rule_code = 'trade_and_limit'",
        "DELETE FROM iam.permissions WHERE permission_code = 'audit.read'",
        "DELETE FROM workflow.templates WHERE template_code = 'period_close'",
        "DELETE FROM workflow.template_steps WHERE template_code = 'period_close' AND position = 3",
        "TRUNCATE iam.permissions CASCADE",
        "UPDATE iam.roles SET is_system = false WHERE role_code = 'auditor'",
        "UPDATE workflow.template_steps SET must_differ_from = NULL",
        "UPDATE iam.sod_rules SET permission_b = 'users.manage' WHERE rule_code = 'trade_and_limit'",
        "INSERT INTO iam.roles (role_code, name, description, is_system) VALUES ('mine', 'Mine', '', true)",
    ] {
        assert_eq!(try_and_undo(&owner, sql).await.as_deref(), Some("system_rows"), "{sql}");
    }
    for sql in [
        "UPDATE iam.sod_rules SET enabled = false WHERE rule_code = 'trade_and_limit'",
        "INSERT INTO iam.role_permissions (role_code, permission_code) VALUES ('auditor', 'workflows.manage');
             DELETE FROM iam.role_permissions WHERE role_code = 'auditor' AND permission_code = 'workflows.manage'",
    ] {
        assert_eq!(try_and_undo(&owner, sql).await, None, "{sql}");
    }
    let again = "INSERT INTO iam.sod_rules (rule_code, permission_a, permission_b, severity, description)
            VALUES ('other_way_round', 'trades.execute', 'limits.set', 'high', '')";
    assert_eq!(try_and_undo(&owner, again).await.as_deref(), Some("sod_rules_order_check"));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn granting_the_invitee_repeatedly_makes_one_tenant_admin() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    let invite = async |auth_id: Uuid, email: &str| -> Uuid {
        owner.query_one(TENANT_ADMIN_GRANT, &[&auth_id, &email]).await.expect("one row").get(0)
    };
    let admins = "SELECT users.auth_user_id, users.email FROM iam.users JOIN iam.user_roles USING (user_id)
            WHERE role_code = 'tenant_admin' AND status = 'invited' AND granted_by IS NULL";

    let first_id = Uuid::now_v7();
    let user = invite(first_id, "Admin@Tenant.Test").await;
    assert_eq!(invite(first_id, "admin@tenant.test").await, user);
    // The same address under a new id.
    let second_id = Uuid::now_v7();
    assert_eq!(invite(second_id, "admin@tenant.test").await, user);
    let row = owner.query_one(admins, &[]).await.expect("one admin");
    assert_eq!((row.get(0), row.get(1)), (second_id, "admin@tenant.test"));

    // A corrected address: the earlier invitee is gone.
    let withdraw = async |email: &str, remove: bool, disable: bool| {
        let staying = owner.query(TENANT_ADMIN_WITHDRAW, &[&email, &remove, &disable]).await.expect("withdrawn");
        !staying.is_empty()
    };
    let third_id = Uuid::now_v7();
    assert_ne!(invite(third_id, "right@tenant.test").await, user);
    for _ in 0..2 {
        assert!(!withdraw("Admin@tenant.test", true, true).await);
    }
    let row = owner.query_one(admins, &[]).await.expect("one admin");
    assert_eq!((row.get(0), row.get(1)), (third_id, "right@tenant.test"));
    assert_eq!(count(&owner, "SELECT count(*) FROM iam.users").await, 1);

    // Whom an act names is disabled and not removed. They come back as the user that they were.
    let clerk = "INSERT INTO iam.users (auth_user_id, email) VALUES (gen_random_uuid(), 'clerk@tenant.test');
                 INSERT INTO iam.user_roles (user_id, role_code, granted_by)
                 SELECT clerk.user_id, 'ap_clerk', admin.user_id FROM iam.users AS clerk, iam.users AS admin
                 WHERE clerk.email = 'clerk@tenant.test' AND admin.email = 'right@tenant.test'";
    run(&owner, clerk).await;
    assert!(withdraw("right@tenant.test", true, true).await);
    assert_eq!(count(&owner, "SELECT count(*) FROM iam.users WHERE status = 'disabled'").await, 1);
    assert_eq!(count(&owner, "SELECT count(*) FROM iam.user_roles WHERE role_code = 'tenant_admin'").await, 0);
    invite(third_id, "right@tenant.test").await;
    assert_eq!(count(&owner, "SELECT count(*) FROM iam.users WHERE status = 'active'").await, 1);
    // Also when what they granted is revoked. And somebody else who gets their address is not who they were.
    run(&owner, "DELETE FROM iam.user_roles WHERE granted_by IS NOT NULL").await;
    assert!(withdraw("right@tenant.test", true, false).await);
    let other = owner.query(TENANT_ADMIN_GRANT, &[&Uuid::now_v7(), &"right@tenant.test"]).await.expect_err("acted");
    assert_eq!(other.as_db_error().and_then(|refused| refused.constraint()), Some("users_identity"));
    invite(third_id, "right@tenant.test").await;
    // Somebody who only loses the grant stays as they are.
    assert!(withdraw("right@tenant.test", false, false).await);
    assert_eq!(count(&owner, "SELECT count(*) FROM iam.users WHERE status = 'disabled'").await, 0);
    invite(third_id, "right@tenant.test").await;
    let may =
        "SELECT count(*) FROM iam.effective_permissions WHERE permission_code IN ('roles.assign', 'users.manage')";
    assert_eq!(count(&owner, may).await, 2);
}
