//! Somebody is in the way of a deployment, or the deployment in the way of others.

use std::time::{Duration, Instant};

use domain::CauseCode;
use store::Patience;
use test_database::TestDatabase;

use crate::{assert_deployed, code, is, run};

/// How long a function waits for a statement.
const FUNCTIONS_WAIT: Duration = Duration::from_secs(2);

mod control {
    refinery::embed_migrations!("migrations");
}

/// A deployed database that has the first migration only.
async fn of_an_earlier_release() -> TestDatabase {
    let database = TestDatabase::of_rds().await;
    run(&database.users().deployment()).await;
    let mut owner = store::connect(&database.users().owner, "test").await.expect("the owner can log in");
    let back = "DROP SCHEMA control, lakehouse CASCADE; DROP TABLE refinery_schema_history";
    owner.batch_execute(back).await.expect("set back");
    let first = control::migrations::runner().set_target(refinery::Target::Version(1));
    first.run_async(&mut owner).await.expect("migrated");
    let application = &database.users().application.username;
    let granted = format!(
        "GRANT USAGE ON SCHEMA control TO {application}; GRANT SELECT ON ALL TABLES IN SCHEMA control TO {application}"
    );
    owner.batch_execute(&granted).await.expect("granted");
    database
}

/// Like `pg_dump`: it reads all tables in one transaction, for as long as that takes.
const DUMP: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; LOCK TABLE control.tenants, control.outbox IN ACCESS SHARE MODE";

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_reader_is_named_and_nobody_waits_long_because_of_it() {
    let database = of_an_earlier_release().await;
    let reader = store::connect(database.config(), "pg_dump").await.expect("the superuser can log in");
    reader.batch_execute(DUMP).await.expect("reading");
    let pid: i32 = reader.query_one("SELECT pg_backend_pid()", &[]).await.expect("answers").get(0);

    let deployment = database.users().deployment();
    let waiting = tokio::spawn(async move { deployment.run(Patience::of(Duration::from_secs(6))).await });
    let application = store::connect(&database.users().application, "test").await.expect("the application can log in");
    let mut longest = Duration::ZERO;
    while !waiting.is_finished() {
        let begun = Instant::now();
        application.batch_execute("SELECT FROM control.outbox").await.expect("the outbox can be read");
        longest = longest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(longest > Duration::from_millis(500), "it did get in the way: {longest:?}");
    assert!(longest < FUNCTIONS_WAIT, "{longest:?}");
    let failure = waiting.await.expect("no panic").expect_err("the reader is still there");
    assert_eq!(failure.code(), CauseCode::MigrationBlocked);
    let named = format!("session {pid} of {} (pg_dump, ", database.config().username);
    assert!(failure.hint().contains(&named), "{}", failure.hint());

    // The release before can still be deployed: nothing of it is missing. Here this is the one that changes nothing.
    let server = database.connect().await;
    assert!(!is(&server, "to_regnamespace('lakehouse') IS NOT NULL").await, "nothing was applied");
    assert!(is(&server, "NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))").await);
    let ending = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        reader.batch_execute("COMMIT").await.expect("ended");
    };
    let deployment = database.users().deployment();
    let (migrated, ()) = tokio::join!(run(&deployment), ending);
    assert!(migrated.applied > 0, "it goes through as soon as the reader is gone");
    assert_deployed(&database).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deployment_that_changes_nothing_goes_through_beside_a_reader() {
    let database = TestDatabase::of_rds().await;
    run(&database.users().deployment()).await;
    let reader = database.connect().await;
    reader.batch_execute(DUMP).await.expect("reading");
    let mut deployment = database.users().deployment();
    deployment.logins[0].user.password = secrecy::SecretString::from("another");
    // Were there a lock to wait for, it would give up: the reader stays.
    assert_eq!(run(&deployment).await.applied, 0);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn whoever_holds_the_lock_of_the_migrations_is_named() {
    let database = TestDatabase::of_rds().await;
    let lock = "SELECT pg_advisory_lock(x'69766f7279'::bigint)";
    let before = |database: &TestDatabase| database.users().deployment();
    // Of the master, who prepares, and then of the owner, who migrates.
    for _ in 0..2 {
        let holder = store::connect(database.config(), "an earlier 'release'").await.expect("the superuser can log in");
        holder.batch_execute(lock).await.expect("locked");
        let pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.expect("answers").get(0);
        let outcome = before(&database).run(Patience::of(Duration::from_secs(1))).await;
        let hint = outcome.as_ref().expect_err("locked").hint();
        assert_eq!(code(outcome), CauseCode::MigrationLocked);
        let named = format!("session {pid} of {} (an earlier ?release?, ", database.config().username);
        assert!(hint.contains(&named), "{hint}");
        let ending = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(holder);
        };
        let deployment = before(&database);
        tokio::join!(run(&deployment), ending);
    }
    assert_deployed(&database).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn deployments_at_the_same_time_go_through_one_after_the_other() {
    let database = TestDatabase::of_rds().await;
    let deployments: [_; 3] = std::array::from_fn(|_| database.users().deployment());
    let [a, b, c] = &deployments;
    let (a, b, c) = tokio::join!(run(a), run(b), run(c));
    assert!(a.version == b.version && b.version == c.version);
    assert_eq!([a, b, c].iter().filter(|migrated| migrated.applied > 0).count(), 1, "one applied them");
    assert_deployed(&database).await;
}
