//! Migrations of the control database, run by `refinery` during a deployment.

use domain::{CauseCode, Failure};
use tokio_postgres::Client;

use crate::StoreError;
use crate::error::passes;

mod control {
    refinery::embed_migrations!("migrations");
}

/// Lets only one deployment migrate at a time. The number is the ASCII of "ivory"; any constant would do.
const ADVISORY_LOCK: i64 = 0x69_76_6f_72_79;

/// The state of a database after its migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The highest version that is applied.
    pub version: i32,
    /// How many migrations this call applied.
    pub applied: usize,
}

/// Brings the control database to this release, and lets `app_role` use it. A database that is newer than this release
/// is not changed. Older code works with it, because a release either adds to the schema or removes from it.
pub async fn migrate_control(client: &mut Client, app_role: &str) -> Result<Migrated, Failure> {
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(StoreError::from)?;
    let runner = control::migrations::runner().set_grouped(true).set_abort_missing(false);
    // Boxed, because refinery's future is nested too deep for the futures around it.
    let report = Box::pin(runner.run_async(client)).await.map_err(|error| migration_failure(&error))?;
    grant(client, app_role).await?;
    client.execute("SELECT pg_advisory_unlock($1)", &[&ADVISORY_LOCK]).await.map_err(StoreError::from)?;
    let version = version(client).await?;
    Ok(Migrated { version, applied: report.applied_migrations().len() })
}

/// The application may read and write rows. It may not change the schema or its own audit log.
async fn grant(client: &Client, role: &str) -> Result<(), StoreError> {
    let row = client.query_one("SELECT quote_ident($1)", &[&role]).await?;
    let role: String = row.try_get(0)?;
    client
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA control TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA control TO {role};
             REVOKE UPDATE, DELETE ON control.audit_log FROM {role};
             GRANT USAGE ON SCHEMA lakehouse TO {role};
             GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA lakehouse TO {role};"
        ))
        .await?;
    Ok(())
}

/// The highest migration that a database has.
pub async fn version(client: &Client) -> Result<i32, StoreError> {
    let row = client.query_one("SELECT max(version) FROM refinery_schema_history", &[]).await?;
    Ok(row.try_get(0)?)
}

/// What a failure of the migrations means. Refinery's texts are dropped, because they quote the server.
#[must_use]
pub fn migration_failure(error: &refinery::Error) -> Failure {
    use refinery::error::Kind;
    let code = match error.kind() {
        Kind::Connection(_, source) => {
            let state = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
            match state.map(tokio_postgres::error::SqlState::code) {
                None => CauseCode::MigrationInterrupted,
                // 55P03: a lock was not free in time.
                Some(code) if passes(code) || code == "55P03" => CauseCode::MigrationInterrupted,
                // An invocation whose connection was cut may still be committing. The next try finds its history.
                Some("42P06" | "42P07" | "23505") => CauseCode::MigrationConflict,
                Some(_) => CauseCode::MigrationRefused,
            }
        }
        Kind::DivergentVersion(..) | Kind::MissingVersion(..) => CauseCode::MigrationDiverged,
        _ => CauseCode::MigrationBroken,
    };
    code.into()
}
