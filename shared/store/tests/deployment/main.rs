//! A deployment on a database as RDS gives it: what the users may afterwards, who may be in the way, and where it may be
//! cut off.

mod access;
mod cutter;
mod killed;
mod waiting;

use domain::{CauseCode, Failure};
use store::{ControlDeployment, Migrated, Patience};
use test_database::TestDatabase;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Enough for a deployment that nobody is in the way of.
fn patience() -> Patience {
    Patience::of(std::time::Duration::from_secs(30))
}

async fn run(deployment: &ControlDeployment) -> Migrated {
    deployment.run(patience()).await.expect("deployed")
}

fn code(outcome: Result<Migrated, Failure>) -> CauseCode {
    outcome.expect_err("it cannot go through").code()
}

async fn is(client: &Client, condition: &str) -> bool {
    client.query_one(&format!("SELECT {condition}"), &[]).await.expect("answers").get(0)
}

/// Whether the role may not do that.
async fn forbidden(client: &Client, sql: &str) -> bool {
    let refused = client.batch_execute(sql).await.err();
    refused.as_ref().and_then(tokio_postgres::Error::code) == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
}

/// That the database is ready: the application can work, and nobody can do more than they need.
async fn assert_deployed(database: &TestDatabase) {
    let users = database.users();
    let application = store::connect(&users.application, "test").await.expect("the application can log in");
    application.batch_execute("SELECT FROM control.tenants, lakehouse.sync_targets").await.expect("it reads");
    assert!(forbidden(&application, "CREATE SCHEMA mine").await);
    assert!(forbidden(&application, "CREATE TABLE public.mine ()").await);
    assert!(forbidden(&application, "DELETE FROM control.audit_log").await);
    assert!(!forbidden(&application, "UPDATE control.tenants SET display_name = 'x'").await);
    let reader = store::connect(&users.reader, "test").await.expect("the reader can log in");
    reader.batch_execute("SELECT FROM control.tenants, lakehouse.sync_targets").await.expect("it reads");
    assert!(forbidden(&reader, "UPDATE control.tenants SET display_name = 'x'").await);
    let owner = store::connect(&users.owner, "test").await.expect("the owner can log in");
    assert!(!is(&owner, "rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user").await);
}
