//! Segregation of duties, for every order of writes and for simultaneous writers.

use test_database::TestDatabase;
use tokio_postgres::error::SqlState;

use crate::database::{count, refusal, refused, run, start_and_wait_for_lock, try_and_undo};

pub(crate) const CONSTRAINT: &str = "sod_rules_no_conflict";

/// Users ann (…0a) and bob (…0b). Roles `left` and `right` hold one half of `test_rule` each, `empty` nothing.
pub(crate) const CAST: &str = "
    INSERT INTO iam.users (user_id, auth_user_id, email) VALUES
        ('00000000-0000-0000-0000-00000000000a', gen_random_uuid(), 'ann@tenant.test'),
        ('00000000-0000-0000-0000-00000000000b', gen_random_uuid(), 'bob@tenant.test');
    INSERT INTO iam.permissions (permission_code, description) VALUES ('test.a', ''), ('test.b', '');
    INSERT INTO iam.roles (role_code, name, description) VALUES ('left', 'L', ''), ('right', 'R', ''), ('empty', 'E', '');
    INSERT INTO iam.role_permissions (role_code, permission_code) VALUES ('left', 'test.a'), ('right', 'test.b');
    INSERT INTO iam.sod_rules (rule_code, permission_a, permission_b, severity, description)
    VALUES ('test_rule', 'test.a', 'test.b', 'high', '');";

/// Restores the state after `CAST`.
const RESET: &str = "
    DELETE FROM iam.user_roles;
    DELETE FROM iam.role_permissions WHERE role_code = 'empty';
    DELETE FROM iam.sod_rules WHERE rule_code = 'test_rule';
    INSERT INTO iam.sod_rules (rule_code, permission_a, permission_b, severity, description)
    VALUES ('test_rule', 'test.a', 'test.b', 'high', '');";

pub(crate) const LEFT: &str =
    "INSERT INTO iam.user_roles (user_id, role_code) VALUES ('00000000-0000-0000-0000-00000000000a', 'left');";
pub(crate) const RIGHT: &str =
    "INSERT INTO iam.user_roles (user_id, role_code) VALUES ('00000000-0000-0000-0000-00000000000a', 'right');";
const EMPTY: &str =
    "INSERT INTO iam.user_roles (user_id, role_code) VALUES ('00000000-0000-0000-0000-00000000000a', 'empty');";
const EMPTY_TO_RIGHT: &str = "UPDATE iam.user_roles SET role_code = 'right' WHERE role_code = 'empty';";
const END_LEFT: &str =
    "UPDATE iam.user_roles SET valid_from = now() - interval '2 days', valid_until = now() - interval '1 day';";
const REVIVE_LEFT: &str = "UPDATE iam.user_roles SET valid_until = NULL WHERE role_code = 'left';";
const EMPTY_GETS_A: &str = "INSERT INTO iam.role_permissions (role_code, permission_code) VALUES ('empty', 'test.a');";
const EMPTY_GETS_B: &str = "INSERT INTO iam.role_permissions (role_code, permission_code) VALUES ('empty', 'test.b');";
const EMPTY_READS: &str =
    "INSERT INTO iam.role_permissions (role_code, permission_code) VALUES ('empty', 'reports.read');";
const READ_TO_B: &str = "UPDATE iam.role_permissions SET permission_code = 'test.b'
    WHERE role_code = 'empty' AND permission_code = 'reports.read';";
const NO_RULE: &str = "DELETE FROM iam.sod_rules WHERE rule_code = 'test_rule';";
const RULE: &str = "INSERT INTO iam.sod_rules (rule_code, permission_a, permission_b, severity, description)
    VALUES ('test_rule', 'test.a', 'test.b', 'high', '');";
const DISABLE: &str = "UPDATE iam.sod_rules SET enabled = false WHERE rule_code = 'test_rule';";
const ENABLE: &str = "UPDATE iam.sod_rules SET enabled = true WHERE rule_code = 'test_rule';";
const OTHER_PAIR: &str = "UPDATE iam.sod_rules SET permission_b = 'users.manage' WHERE rule_code = 'test_rule';";
const THIS_PAIR: &str = "UPDATE iam.sod_rules SET permission_b = 'test.b' WHERE rule_code = 'test_rule';";

/// The statements before, and two more statements. Each of the two alone is allowed, and both together, in either
/// order, break the rule.
const BREAKS: &[(&[&str], [&str; 2])] = &[
    (&[], [LEFT, RIGHT]),
    (&[], [EMPTY_GETS_A, EMPTY_GETS_B]),
    (&[LEFT], [EMPTY, EMPTY_GETS_B]),
    (&[EMPTY], [LEFT, EMPTY_GETS_B]),
    (&[LEFT, EMPTY_READS], [EMPTY, READ_TO_B]),
    (&[EMPTY_READS], [EMPTY_GETS_A, READ_TO_B]),
    (&[LEFT, END_LEFT], [REVIVE_LEFT, RIGHT]),
    (&[LEFT, DISABLE], [RIGHT, ENABLE]),
    (&[LEFT, EMPTY, DISABLE], [EMPTY_TO_RIGHT, ENABLE]),
    (&[LEFT, EMPTY, DISABLE], [EMPTY_GETS_B, ENABLE]),
    (&[LEFT, NO_RULE], [RIGHT, RULE]),
    (&[LEFT, OTHER_PAIR], [RIGHT, THIS_PAIR]),
    (&[EMPTY_GETS_A, DISABLE], [EMPTY_GETS_B, ENABLE]),
    (&[EMPTY_GETS_A, NO_RULE], [EMPTY_GETS_B, RULE]),
];

/// Every entry of [`BREAKS`] in both orders: the statements before, the first statement, the second.
fn breaks_both_ways() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    BREAKS.iter().flat_map(|&(there, [one, other])| [(there.concat(), one, other), (there.concat(), other, one)])
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_rule_holds_for_every_order_of_writes() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    run(&owner, CAST).await;
    for (there, first, second) in breaks_both_ways() {
        assert_eq!(try_and_undo(&owner, &[&there, first].concat()).await, None, "{first}");
        assert_eq!(try_and_undo(&owner, &[&there, second].concat()).await, None, "{second}");
        assert_eq!(
            try_and_undo(&owner, &[&there, first, second].concat()).await.as_deref(),
            Some(CONSTRAINT),
            "{there} {first} {second}"
        );
    }
    // A statement is checked by its result.
    let swap = format!("WITH gone AS (DELETE FROM iam.user_roles WHERE role_code = 'left') {RIGHT}");
    assert_eq!(try_and_undo(&owner, &[LEFT, &swap].concat()).await, None);
    // Two different users may hold the two permissions that one user may not.
    let bob = RIGHT.replace("00000000000a", "00000000000b");
    assert_eq!(try_and_undo(&owner, &[LEFT, &bob].concat()).await, None);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_refusal_names_the_rule_and_the_user_or_role_that_would_break_it() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    run(&owner, CAST).await;
    let (constraint, message) = refusal(&owner, &[EMPTY_GETS_A, EMPTY_GETS_B].concat()).await;
    assert_eq!(
        (constraint.as_str(), message.as_str()),
        (CONSTRAINT, r#"SoD rule "test_rule": role "empty" would hold both test.a and test.b"#)
    );
    let (constraint, message) = refusal(&owner, &[LEFT, RIGHT].concat()).await;
    assert_eq!(constraint, CONSTRAINT);
    assert_eq!(
        message,
        r#"SoD rule "test_rule": user 00000000-0000-0000-0000-00000000000a would hold both test.a (role "left") and test.b (role "right")"#
    );
    let error = owner.batch_execute(&[LEFT, RIGHT].concat()).await.expect_err("refused");
    assert_eq!(error.code(), Some(&SqlState::CHECK_VIOLATION));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn grants_conflict_exactly_if_both_are_valid_at_some_moment_from_now_on() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    run(&owner, CAST).await;
    // Two grants as days from now, [from, until), and whether both may exist.
    let cases = [
        ((0, None), (0, None), false),
        ((0, None), (5, None), false),
        ((0, Some(5)), (4, None), false),
        ((0, Some(5)), (5, None), true),
        ((5, Some(6)), (7, Some(8)), true),
        ((-9, Some(-1)), (0, None), true),
        ((-9, Some(-1)), (-5, Some(-2)), true),
        ((-9, Some(-1)), (-5, None), true),
        ((-9, Some(1)), (-5, Some(-2)), true),
        ((-9, Some(1)), (-5, Some(2)), false),
    ];
    let grant = |role: &str, (from, until): (i32, Option<i32>)| {
        let until = until.map_or("NULL".to_owned(), |days| format!("now() + interval '{days} days'"));
        format!(
            "INSERT INTO iam.user_roles (user_id, role_code, valid_from, valid_until)
                 VALUES ('00000000-0000-0000-0000-00000000000a', '{role}', now() + interval '{from} days', {until});"
        )
    };
    for (left, right, compatible) in cases {
        let expected = (!compatible).then_some(CONSTRAINT);
        for grants in [[grant("left", left), grant("right", right)], [grant("right", right), grant("left", left)]] {
            assert_eq!(try_and_undo(&owner, &grants.concat()).await.as_deref(), expected, "{left:?} {right:?}");
        }
        let enabled = [DISABLE, &grant("left", left), &grant("right", right), ENABLE].concat();
        assert_eq!(try_and_undo(&owner, &enabled).await.as_deref(), expected, "{left:?} {right:?}");
    }
    // Disabling a user does not resolve a conflict, because the user could be enabled again.
    let disable = "UPDATE iam.users SET status = 'disabled';";
    assert_eq!(try_and_undo(&owner, &[disable, LEFT, RIGHT].concat()).await.as_deref(), Some(CONSTRAINT));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn concurrent_transactions_cannot_break_a_rule_together() {
    let database = TestDatabase::tenant().await;
    let first_client = database.connect_as_owner().await;
    run(&first_client, CAST).await;
    for (there, first, second) in breaks_both_ways() {
        run(&first_client, &[RESET, &there].concat()).await;
        run(&first_client, &["BEGIN;", first].concat()).await;
        let waiting = start_and_wait_for_lock(&database, &first_client, second).await;
        run(&first_client, "COMMIT").await;
        assert_eq!(
            refused(waiting.await.expect("the second session"), second).0,
            CONSTRAINT,
            "{there} {first} {second}"
        );

        // If the first had been rolled back, the second would have been allowed.
        run(&first_client, &[RESET, &there].concat()).await;
        run(&first_client, &["BEGIN;", first].concat()).await;
        let waiting = start_and_wait_for_lock(&database, &first_client, second).await;
        run(&first_client, "ROLLBACK").await;
        waiting.await.expect("the second session").expect(second);

        // A snapshot from before the first commit does not help to get around the rule.
        for level in ["REPEATABLE READ", "SERIALIZABLE"] {
            run(&first_client, &[RESET, &there].concat()).await;
            let old = database.connect_as_owner().await;
            run(&old, &format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM iam.users")).await;
            run(&first_client, first).await;
            let error = old.batch_execute(second).await.expect_err(second);
            assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{level}: {error:?}");
        }
        assert_eq!(count(&first_client, "SELECT count(*) FROM iam.sod_conflicts").await, 0);
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn neither_row_level_security_nor_replica_mode_gets_around_a_rule() {
    let database = TestDatabase::tenant().await;
    let owner = database.connect_as_owner().await;
    run(&owner, CAST).await;
    run(&owner, LEFT).await;
    // A writer who may insert grants but not read them.
    run(&owner, "GRANT USAGE ON SCHEMA iam TO anon; GRANT INSERT ON iam.user_roles TO anon").await;
    run(&owner, "CREATE POLICY blind ON iam.user_roles FOR INSERT TO anon WITH CHECK (true)").await;
    let admin = "INSERT INTO iam.user_roles (user_id, role_code) VALUES ('00000000-0000-0000-0000-00000000000b', 'tenant_admin')";
    run(&owner, admin).await;
    let blind = database.connect().await;
    run(&blind, "SET ROLE anon").await;
    let blindly = RIGHT.replace("role_code)", "role_code, granted_by)");
    let blindly = blindly.replace("'right'", "'right', '00000000-0000-0000-0000-00000000000b'");
    assert_eq!(refusal(&blind, &blindly).await.0, CONSTRAINT);

    let replica = database.connect().await;
    run(&replica, "SET session_replication_role = replica").await;
    assert_eq!(refusal(&replica, RIGHT).await.0, CONSTRAINT);
    // Without the guard's row no check is possible, so writes are refused.
    run(&owner, "DELETE FROM iam.sod_guard").await;
    let error = owner.batch_execute(EMPTY).await.expect_err("refused");
    assert_eq!(error.code(), Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
}
