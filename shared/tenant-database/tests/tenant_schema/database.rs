//! Helpers that run SQL and read refusals.

use std::time::Duration;

use test_database::TestDatabase;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error};

pub(crate) async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

pub(crate) async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// The constraint that refused `sql`, and the message.
pub(crate) fn refused(result: Result<(), Error>, sql: &str) -> (String, String) {
    let Err(error) = result else { panic!("not refused: {sql}") };
    let refusal = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
    let constraint = refusal.constraint().unwrap_or_else(|| panic!("{sql}: {refusal:?}"));
    (constraint.to_owned(), refusal.message().to_owned())
}

pub(crate) async fn refusal(client: &Client, sql: &str) -> (String, String) {
    refused(client.batch_execute(sql).await, sql)
}

/// Runs `sql` in a transaction that is rolled back, and returns the constraint that refuses it, if any does.
pub(crate) async fn try_and_undo(client: &Client, sql: &str) -> Option<String> {
    run(client, "BEGIN").await;
    let result = client.batch_execute(sql).await;
    run(client, "ROLLBACK").await;
    result.is_err().then(|| refused(result, sql).0)
}

/// Starts `sql` in another session, and returns once it waits for a lock that `holder` has.
pub(crate) async fn start_and_wait_for_lock(
    database: &TestDatabase,
    holder: &Client,
    sql: &str,
) -> JoinHandle<Result<(), Error>> {
    let client = database.connect_as_owner().await;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.expect("the process").get(0);
    let statement = sql.to_owned();
    let running = tokio::spawn(async move { client.batch_execute(&statement).await });
    while !holder
        .query_one("SELECT pg_backend_pid() = ANY (pg_blocking_pids($1))", &[&pid])
        .await
        .expect("the lock table")
        .get::<_, bool>(0)
    {
        assert!(!running.is_finished(), "did not wait: {sql}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running
}
