//! Workflow instances: the database checks order, permission and four eyes.

use test_database::TestDatabase;
use tokio_postgres::Client;

use crate::database::{count, refusal, refused, run, start_and_wait_for_lock, try_and_undo};

/// Clerk …0a, approvers …0b and …0c, treasurer …0d; instance …01 of `large_payment` (two approvals) and …02 of
/// `supplier_payment`.
const CAST: &str = "
    INSERT INTO iam.users (user_id, auth_user_id, email)
    SELECT ('00000000-0000-0000-0000-00000000000' || letter)::uuid, gen_random_uuid(), letter || '@tenant.test'
    FROM unnest(ARRAY['a', 'b', 'c', 'd']) AS letter;
    INSERT INTO iam.user_roles (user_id, role_code) VALUES
        ('00000000-0000-0000-0000-00000000000a', 'ap_clerk'),
        ('00000000-0000-0000-0000-00000000000b', 'ap_approver'),
        ('00000000-0000-0000-0000-00000000000c', 'ap_approver'),
        ('00000000-0000-0000-0000-00000000000d', 'treasurer');
    INSERT INTO workflow.instances (instance_id, template_code, subject) VALUES
        ('00000000-0000-0000-0000-000000000001', 'large_payment', 'payment/1'),
        ('00000000-0000-0000-0000-000000000002', 'supplier_payment', 'payment/2');";

fn decide(instance: u8, position: u8, user: char, verdict: &str) -> String {
    format!(
        "INSERT INTO workflow.decisions (instance_id, position, user_id, verdict)
         VALUES ('00000000-0000-0000-0000-{instance:012}', {position}, '00000000-0000-0000-0000-00000000000{user}', '{verdict}');"
    )
}

fn approve(instance: u8, position: u8, user: char) -> String {
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

async fn cast(database: &TestDatabase) -> Client {
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
        "UPDATE iam.user_roles SET valid_from = now() - interval '2 h', valid_until = now() - interval '1 h';",
        "UPDATE iam.user_roles SET valid_from = now() + interval '1 h';",
    ] {
        let sql = [ended, &approve(2, 2, 'b')].concat();
        assert_eq!(try_and_undo(&owner, &sql).await.as_deref(), Some("decisions_permission_held"), "{ended}");
    }
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
