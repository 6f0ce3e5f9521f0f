//! Workflow instances: the database checks order, permission and four eyes.

use test_database::TestDatabase;
use tokio_postgres::Client;

use crate::database::{count, refusal, refused, run, start_and_wait_for_lock, try_and_undo};

/// The admin of [`CAST`].
pub(crate) const ADMIN: &str = "'00000000-0000-0000-0000-0000000000ad'";

/// Clerk …0a, approvers …0b and …0c, treasurer …0d, whom the admin let in; instance …01 of `large_payment` (two
/// approvals) and …02 of `supplier_payment`.
pub(crate) const CAST: &str = "
    INSERT INTO iam.users (user_id, auth_user_id, email)
    VALUES ('00000000-0000-0000-0000-0000000000ad', gen_random_uuid(), 'admin@tenant.test');
    INSERT INTO iam.user_roles (user_id, role_code) VALUES ('00000000-0000-0000-0000-0000000000ad', 'tenant_admin');
    INSERT INTO iam.users (user_id, auth_user_id, email)
    SELECT ('00000000-0000-0000-0000-00000000000' || letter)::uuid, gen_random_uuid(), letter || '@tenant.test'
    FROM unnest(ARRAY['a', 'b', 'c', 'd']) AS letter;
    INSERT INTO iam.user_roles (user_id, role_code, granted_by)
    SELECT ('00000000-0000-0000-0000-00000000000' || letter)::uuid, role, '00000000-0000-0000-0000-0000000000ad'
    FROM (VALUES ('a', 'ap_clerk'), ('b', 'ap_approver'), ('c', 'ap_approver'), ('d', 'treasurer')) AS one (letter, role);
    INSERT INTO workflow.instances (instance_id, template_code, subject) VALUES
        ('00000000-0000-0000-0000-000000000001', 'large_payment', 'payment/1'),
        ('00000000-0000-0000-0000-000000000002', 'supplier_payment', 'payment/2');";

/// The id of a user of [`CAST`].
pub(crate) fn user(letter: char) -> String {
    format!("'00000000-0000-0000-0000-00000000000{letter}'")
}

fn decide(instance: u8, position: u8, user: char, verdict: &str) -> String {
    format!(
        "INSERT INTO workflow.decisions (instance_id, position, user_id, verdict)
         VALUES ('00000000-0000-0000-0000-{instance:012}', {position}, '00000000-0000-0000-0000-00000000000{user}', '{verdict}');"
    )
}

pub(crate) fn approve(instance: u8, position: u8, user: char) -> String {
    decide(instance, position, user, "approved")
}

/// State, position due and approvals missing.
async fn progress(client: &Client, instance: u8) -> (String, Option<i16>, Option<i64>) {
    let sql = format!(
        "SELECT state, position, approvals_missing FROM workflow.instance_progress
         WHERE instance_id = '00000000-0000-0000-0000-{instance:012}'"
    );
    let row = client.query_one(&sql, &[]).await.expect("the instance");
    (row.get(0), row.get(1), row.get(2))
}

pub(crate) async fn cast(database: &TestDatabase) -> Client {
    let owner = database.connect_as_owner().await;
    run(&owner, CAST).await;
    owner
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_payment_passes_through_the_steps_of_its_template() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    assert_eq!(progress(&owner, 1).await, ("open".into(), Some(1), Some(1)));
    for (sql, constraint) in [
        (approve(1, 2, 'b'), "decisions_step_is_due"),
        (approve(1, 1, 'b'), "decisions_permission_held"),
        (approve(9, 1, 'a'), "decisions_step_fkey"),
    ] {
        assert_eq!(refusal(&owner, &sql).await.0, constraint, "{sql}");
    }
    run(&owner, &approve(1, 1, 'a')).await;
    run(&owner, &approve(1, 2, 'b')).await;
    assert_eq!(progress(&owner, 1).await, ("open".into(), Some(2), Some(1)));
    // The second approval comes from another user.
    assert_eq!(refusal(&owner, &approve(1, 2, 'b')).await.0, "decisions_pkey");
    run(&owner, &approve(1, 2, 'c')).await;
    assert_eq!(progress(&owner, 1).await, ("open".into(), Some(3), Some(1)));
    run(&owner, &approve(1, 3, 'd')).await;
    assert_eq!(progress(&owner, 1).await, ("approved".into(), None, None));
    assert_eq!(refusal(&owner, &approve(1, 3, 'd')).await.0, "decisions_step_is_due");

    run(&owner, &decide(2, 1, 'a', "approved")).await;
    run(&owner, &decide(2, 2, 'b', "rejected")).await;
    assert_eq!(progress(&owner, 2).await, ("rejected".into(), None, None));
    assert_eq!(refusal(&owner, &approve(2, 2, 'c')).await.0, "decisions_step_is_due");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn four_eyes_hold_even_for_a_user_who_gets_both_permissions() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    run(&owner, &approve(2, 1, 'a')).await;
    // The clerk becomes an approver: no SoD conflict, since the old role is gone.
    let promoted = "UPDATE iam.user_roles SET role_code = 'ap_approver' WHERE role_code = 'ap_clerk';";
    run(&owner, promoted).await;
    let (constraint, message) = refusal(&owner, &approve(2, 2, 'a')).await;
    assert_eq!(constraint, "decisions_four_eyes");
    assert!(message.ends_with("the same user decided on step 1"), "{message}");

    for ended in [
        "UPDATE iam.users SET status = 'disabled';",
        "UPDATE iam.user_roles SET valid_from = now() - interval '2 h', valid_until = now() - interval '1 h'
         WHERE role_code <> 'tenant_admin';",
        "UPDATE iam.user_roles SET valid_from = now() + interval '1 h' WHERE role_code <> 'tenant_admin';",
    ] {
        let sql = [ended, &approve(2, 2, 'b')].concat();
        assert_eq!(try_and_undo(&owner, &sql).await.as_deref(), Some("decisions_permission_held"), "{ended}");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn who_enters_a_payment_cannot_release_it() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    // The treasurer is also the one who enters, one after the other.
    let becomes = |role: &str| format!("UPDATE iam.user_roles SET role_code = '{role}' WHERE user_id = {};", user('a'));
    let adjacent =
        "UPDATE iam.user_roles SET valid_until = clock_timestamp() + interval '0.3 s' WHERE role_code = 'ap_clerk';
        INSERT INTO iam.user_roles (user_id, role_code, granted_by, valid_from)
        SELECT user_id, 'treasurer', granted_by, valid_until FROM iam.user_roles WHERE role_code = 'ap_clerk';";
    let disabled = "UPDATE iam.sod_rules SET enabled = false;";
    let both = format!(
        "INSERT INTO iam.user_roles (user_id, role_code, granted_by) VALUES ({}, 'treasurer', '00000000-0000-0000-0000-0000000000ad');",
        user('a')
    );
    for instance in [1, 2] {
        let approvals = if instance == 1 { approve(1, 2, 'b') + &approve(1, 2, 'c') } else { approve(2, 2, 'b') };
        for way in [
            becomes("treasurer"),
            [adjacent, "SELECT pg_sleep(0.4);"].concat(),
            [disabled, &both].concat(),
            [&becomes("treasurer"), disabled].concat(),
        ] {
            let sql = [&*approve(instance, 1, 'a'), &way, &approvals, &approve(instance, 3, 'a')].concat();
            assert_eq!(try_and_undo(&owner, &sql).await.as_deref(), Some("decisions_duties_apart"), "{way}");
        }
    }
    // In one statement, which holds every right that it needs.
    let at_once = format!(
        "INSERT INTO workflow.decisions (instance_id, position, user_id, verdict)
         SELECT '00000000-0000-0000-0000-000000000002', position, user_id, 'approved'
         FROM (VALUES (1, {a}::uuid), (2, {b}::uuid), (3, {a}::uuid)) AS one (position, user_id);",
        a = user('a'),
        b = user('b')
    );
    let at_once = [disabled, &both, &at_once].concat();
    assert_eq!(try_and_undo(&owner, &at_once).await.as_deref(), Some("decisions_duties_apart"));
    run(&owner, &[approve(2, 1, 'a'), becomes("treasurer"), approve(2, 2, 'b')].concat()).await;
    let (constraint, message) = refusal(&owner, &approve(2, 3, 'a')).await;
    assert_eq!(constraint, "decisions_duties_apart");
    let why = r#"the same user decided on step 1, which SoD rule "payment_maker_releaser" keeps apart from it"#;
    assert!(message.ends_with(why), "{message}");
    assert_eq!(refusal(&owner, &decide(2, 3, 'a', "rejected")).await.0, "decisions_duties_apart");
    // Other hands may, and the same ones in another payment.
    run(&owner, &approve(2, 3, 'd')).await;
    run(&owner, &[becomes("ap_clerk"), approve(1, 1, 'a')].concat()).await;

    // A template of the tenant asks for no other eyes at all, and its steps come in the other order. The pair counts both ways.
    let own = "INSERT INTO workflow.templates (template_code, name, description) VALUES ('own', 'Own', '');
        INSERT INTO workflow.template_steps (template_code, position, name, required_permission, sla_hours) VALUES
            ('own', 1, 'Release', 'payments.release', 1), ('own', 2, 'Read', 'reports.read', 1), ('own', 3, 'Enter', 'payments.create', 1);
        INSERT INTO workflow.instances (instance_id, template_code, subject)
        VALUES ('00000000-0000-0000-0000-000000000003', 'own', 'payment/3');";
    let own = [own, &approve(3, 1, 'd'), &approve(3, 2, 'd')].concat();
    run(&owner, &own).await;
    run(&owner, &becomes("ap_clerk").replace(&user('a'), &user('d'))).await;
    assert_eq!(refusal(&owner, &approve(3, 3, 'd')).await.0, "decisions_duties_apart");
    run(&owner, &approve(3, 3, 'a')).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_was_approved_is_what_is_paid() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let service = database.connect().await;
    run(&service, "SET ROLE service_role").await;
    let digest = |content: &str| format!("sha256('{content}')");
    let start = |digest: &str| {
        format!(
            "INSERT INTO workflow.instances (instance_id, template_code, subject, content_digest)
             VALUES ('00000000-0000-0000-0000-000000000005', 'supplier_payment', 'payment/5', {digest});"
        )
    };
    let seen = |position: u8, by: char, digest: &str| {
        format!(
            "INSERT INTO workflow.decisions (instance_id, position, user_id, verdict, content_digest)
             VALUES ('00000000-0000-0000-0000-000000000005', {position}, {}, 'approved', {digest});",
            user(by)
        )
    };
    assert_eq!(try_and_undo(&service, &start("'short'")).await.as_deref(), Some("instances_content_digest_check"));
    let paid = digest("100 EUR to Acme");
    run(&service, &start(&paid)).await;
    for other in ["NULL", "'x'", &digest("900 EUR to Mallory")] {
        assert_eq!(refusal(&service, &seen(1, 'a', other)).await.0, "decisions_same_content", "{other}");
    }
    run(&service, &(seen(1, 'a', &paid) + &seen(2, 'b', &paid))).await;
    let swap = format!("UPDATE workflow.instances SET content_digest = {}", digest("900 EUR to Mallory"));
    assert!(service.batch_execute(&swap).await.is_err());
    assert_eq!(try_and_undo(&owner, &swap).await.as_deref(), Some("append_only"));
    assert_eq!(refusal(&service, &seen(3, 'd', &digest("900 EUR to Mallory"))).await.0, "decisions_same_content");
    run(&service, &seen(3, 'd', &paid)).await;
    // What a payer asks.
    let payable = |digest: &str| {
        format!(
            "SELECT count(*) FROM workflow.instance_progress WHERE subject = 'payment/5' AND state = 'approved' AND content_digest = {digest}"
        )
    };
    assert_eq!(count(&service, &payable(&paid)).await, 1);
    assert_eq!(count(&service, &payable(&digest("900 EUR to Mallory"))).await, 0);
    let told = "SELECT count(*) FROM workflow.decisions AS d JOIN workflow.instances AS i USING (instance_id)
        WHERE d.content_digest = i.content_digest";
    assert_eq!(count(&owner, told).await, 3);
    // An instance that names no content cannot get one by a decision.
    let pinned = seen(1, 'a', &paid).replace("000000000005", "000000000001");
    assert_eq!(refusal(&service, &pinned).await.0, "decisions_same_content");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn system_templates_are_their_steps() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    let service = database.connect().await;
    run(&service, "SET ROLE service_role").await;
    let step = |template: &str, approvals: i32| {
        format!(
            "INSERT INTO workflow.template_steps (template_code, position, name, required_permission, approvals, sla_hours)
             VALUES ('{template}', 4, 'Further', 'payments.release', {approvals}, 1);"
        )
    };
    let own = "INSERT INTO workflow.templates (template_code, name, description) VALUES ('own', 'Own', '');";
    let moved = "UPDATE workflow.template_steps SET template_code = 'supplier_payment' WHERE template_code = 'own'";
    let replica = database.connect().await;
    run(&replica, "SET session_replication_role = replica").await;
    for client in [&service, &owner, &replica] {
        assert_eq!(try_and_undo(client, &step("supplier_payment", 1)).await.as_deref(), Some("system_rows"));
        let moved = [own, &step("own", 1), moved].concat();
        assert_eq!(try_and_undo(client, &moved).await.as_deref(), Some("system_rows"));
        for changed in ["DELETE FROM workflow.template_steps", "UPDATE workflow.template_steps SET approvals = 1"] {
            let changed = format!("{changed} WHERE template_code = 'large_payment' AND position = 2");
            assert_eq!(try_and_undo(client, &changed).await.as_deref(), Some("system_rows"), "{changed}");
        }
    }
    for (approvals, constraint) in
        [(10, None), (11, Some("template_steps_approvals_check")), (32767, Some("template_steps_approvals_check"))]
    {
        let sql = [own, &step("own", approvals)].concat();
        assert_eq!(try_and_undo(&service, &sql).await.as_deref(), constraint, "{approvals}");
    }
    // The owner's own hand adds no step to what runs.
    let forged = "INSERT INTO workflow.instance_steps SELECT instance_id, 9, name, required_permission, 1, 1, NULL
        FROM workflow.instance_steps WHERE position = 3";
    for client in [&owner, &replica] {
        assert_eq!(try_and_undo(client, forged).await.as_deref(), Some("append_only"));
        // Nor an approval to what does not run yet.
        let early = approve(8, 3, 'd');
        assert_eq!(try_and_undo(client, &early).await.as_deref(), Some("decisions_step_fkey"));
    }
    let dated = "INSERT INTO workflow.instances (template_code, subject, created_at) VALUES ('journal_entry', 'old', '2000-01-01')";
    run(&owner, dated).await;
    let recent = "SELECT count(*) FROM workflow.instances WHERE created_at < now() - interval '1 day'";
    assert_eq!(count(&owner, recent).await, 0);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn concurrent_decisions_wait_for_and_see_each_other() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    run(&owner, &approve(2, 1, 'a')).await;
    run(&owner, &["BEGIN;", &approve(2, 2, 'b')].concat()).await;
    let second = approve(2, 2, 'c');
    let waiting = start_and_wait_for_lock(&database, &owner, &second).await;
    run(&owner, "COMMIT").await;
    // One approval was required, and it was given.
    assert_eq!(refused(waiting.await.expect("the second session"), &second).0, "decisions_step_is_due");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn decisions_and_their_steps_are_never_rewritten() {
    let database = TestDatabase::tenant().await;
    let owner = cast(&database).await;
    run(&owner, &approve(2, 1, 'a')).await;
    for sql in [
        "UPDATE workflow.decisions SET verdict = 'rejected'",
        "DELETE FROM workflow.decisions",
        "TRUNCATE workflow.decisions",
        "UPDATE workflow.instance_steps SET must_differ_from = NULL",
        "DELETE FROM workflow.instance_steps WHERE position = 3",
        "UPDATE workflow.instances SET template_code = 'journal_entry'",
        "DELETE FROM workflow.instances",
    ] {
        assert_eq!(try_and_undo(&owner, sql).await.as_deref(), Some("append_only"), "{sql}");
    }
    let forged = "INSERT INTO workflow.instance_steps SELECT instance_id, 4, name, required_permission, 1, 1, NULL
            FROM workflow.instance_steps WHERE position = 3";
    let service = database.connect().await;
    run(&service, "SET ROLE service_role").await;
    assert!(service.batch_execute(forged).await.is_err());
    let dated = "INSERT INTO workflow.decisions (instance_id, position, user_id, verdict, decided_at)
            VALUES ('00000000-0000-0000-0000-000000000001', 1, '00000000-0000-0000-0000-00000000000a', 'approved', '2000-01-01')";
    assert!(service.batch_execute(dated).await.is_err());
    run(&service, &approve(1, 1, 'a')).await;

    // A template of the tenant. Without steps it approves nothing, and changing it does not change running instances.
    let own = "INSERT INTO workflow.templates (template_code, name, description) VALUES ('own', 'Own', '');";
    let start = "INSERT INTO workflow.instances (template_code, subject) VALUES ('own', 'x');";
    let stepless = [own, start].concat();
    assert_eq!(try_and_undo(&owner, &stepless).await.as_deref(), Some("instances_template_has_steps"));
    let step = "INSERT INTO workflow.template_steps (template_code, position, name, required_permission, sla_hours)
            VALUES ('own', 1, 'Only', 'reports.read', 1);";
    run(&service, &[own, step, start, "DELETE FROM workflow.template_steps WHERE template_code = 'own'"].concat())
        .await;
    let open = "SELECT count(*) FROM workflow.instance_progress WHERE template_code = 'own' AND state = 'open'";
    assert_eq!(count(&owner, open).await, 1);
}
