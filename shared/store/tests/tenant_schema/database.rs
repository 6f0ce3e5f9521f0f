//! A database per test, and the ways the tests look at a refusal.

use std::{env, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls, error::SqlState};
use uuid::Uuid;

pub(crate) mod tenant {
    refinery::embed_migrations!("migrations/tenant");
}

pub(crate) struct Database {
    server: Config,
    name: String,
}

impl Database {
    /// A session of the owner, who is no superuser.
    pub(crate) async fn connect(&self) -> Client {
        let client = self.connect_as_superuser().await;
        run(&client, &format!("SET ROLE {}", self.name)).await;
        client
    }

    pub(crate) async fn connect_as_superuser(&self) -> Client {
        connect(self.server.clone().dbname(&self.name)).await
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("TEST_POSTGRES_URL answers");
    tokio::spawn(connection);
    client
}

/// Runs `test` on a freshly migrated database, which is dropped whatever comes of it.
pub(crate) async fn on_a_tenant_database<F: Future<Output = ()> + Send + 'static>(
    test: impl FnOnce(Arc<Database>) -> F,
) {
    let url = env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL is set");
    let server: Config = url.parse().expect("TEST_POSTGRES_URL is a connection string");
    let admin = connect(&server).await;
    // Supabase's own roles. They belong to the server: another test may just have created them.
    for role in ["service_role BYPASSRLS", "anon"] {
        if let Err(error) = admin.batch_execute(&format!("CREATE ROLE {role}")).await {
            let there = [SqlState::DUPLICATE_OBJECT, SqlState::UNIQUE_VIOLATION];
            assert!(error.code().is_some_and(|code| there.contains(code)), "{role}: {error}");
        }
    }
    let name = format!("tenant_schema_{}", Uuid::now_v7().simple());
    run(&admin, &format!("CREATE ROLE {name}")).await;
    run(&admin, &format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0")).await;

    let database = Arc::new(Database { server, name: name.clone() });
    let mut owner = database.connect().await;
    let migrated = tenant::migrations::runner().set_grouped(true).run_async(&mut owner).await;
    let tested = match &migrated {
        Ok(_) => tokio::spawn(test(database)).await,
        Err(_) => Ok(()),
    };
    run(&admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    run(&admin, &format!("DROP ROLE {name}")).await;
    migrated.expect("the migrations run");
    tested.expect("the test passes");
}

pub(crate) async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

pub(crate) async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// The constraint that refused, and the message; `sql` says what for.
pub(crate) fn refused(result: Result<(), Error>, sql: &str) -> (String, String) {
    let Err(error) = result else { panic!("not refused: {sql}") };
    let refusal = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
    let constraint = refusal.constraint().unwrap_or_else(|| panic!("{sql}: {refusal:?}"));
    (constraint.to_owned(), refusal.message().to_owned())
}

pub(crate) async fn refusal(client: &Client, sql: &str) -> (String, String) {
    refused(client.batch_execute(sql).await, sql)
}

/// Runs `sql` in a transaction of its own and returns which constraint refuses it, if any does.
pub(crate) async fn try_and_undo(client: &Client, sql: &str) -> Option<String> {
    run(client, "BEGIN").await;
    let result = client.batch_execute(sql).await;
    run(client, "ROLLBACK").await;
    result.is_err().then(|| refused(result, sql).0)
}

/// Starts `sql` in a session of its own and returns once it waits for a lock that `holder` has.
pub(crate) async fn start_and_wait_for_lock(
    database: &Database,
    holder: &Client,
    sql: &str,
) -> JoinHandle<Result<(), Error>> {
    let client = database.connect().await;
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
