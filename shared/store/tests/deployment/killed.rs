//! A deployment that ends anywhere is completed by the next one. One that takes too long ends itself.

use std::time::{Duration, Instant};

use domain::CauseCode;
use store::Patience;
use test_database::TestDatabase;

use crate::cutter::{Break, Cutter};
use crate::{assert_deployed, code};

/// A silent session keeps its locks for 10 s.
const NEXT_ONE: Duration = Duration::from_secs(25);
const AT_ONCE: usize = 16;

/// Deploys until the wire breaks after some messages, then once more. Returns whether it broke before the end.
async fn cut_off_after(messages: usize, how: Break) -> bool {
    let database = TestDatabase::of_rds().await;
    let cutter = Cutter::new(database.config(), messages, how).await;
    let mut deployment = database.users().deployment();
    deployment.owner.port = cutter.port;
    let complete = tokio::select! {
        outcome = deployment.run(crate::patience()) => outcome.is_ok(),
        // The process is gone.
        () = cutter.broken() => false,
    };
    let begun = Instant::now();
    let next = database.users().deployment().run(Patience::of(NEXT_ONE)).await;
    assert!(next.is_ok(), "{how:?} after {messages} messages: {next:?}");
    assert!(begun.elapsed() < NEXT_ONE);
    assert_deployed(&database).await;
    cutter.end().await;
    !complete
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn wherever_a_deployment_is_cut_off_the_next_one_completes_it() {
    let mut messages = 1;
    while cut_off_after(messages, Break::Closed).await {
        messages += 1;
    }
    assert!(messages > 20, "a deployment has more messages than {messages}");
}

#[test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
fn wherever_a_deployment_freezes_the_next_one_completes_it() {
    // Many at the same time, since each may wait for the end of the silent session. Each has a thread of its own, which
    // the end of its database blocks.
    for first in (1..200).step_by(AT_ONCE) {
        let all: Vec<_> = (first..first + AT_ONCE)
            .map(|messages| {
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.expect("a runtime").block_on(cut_off_after(messages, Break::Silent))
                })
            })
            .collect();
        if all.into_iter().any(|one| !one.join().expect("completed")) {
            return;
        }
    }
    panic!("no deployment came to its end");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deployment_that_takes_too_long_says_so_in_time() {
    let database = TestDatabase::of_rds().await;
    // Each statement is within its limit, and all of them together are not.
    let slow = "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(40); END';
        CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE SCHEMA') EXECUTE FUNCTION slow()";
    database.connect().await.batch_execute(slow).await.expect("slow");
    let begun = Instant::now();
    let outcome = database.users().deployment().run(Patience::of(Duration::ZERO)).await;
    assert_eq!(code(outcome), CauseCode::MigrationInterrupted);
    assert!((60..63).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
