//! Migrations of the control database, run by `refinery` during a deployment.

use domain::{CauseCode, Failure, word};
use postgres_protocol::escape::escape_identifier;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, GenericClient};

use crate::deployment::Login;
use crate::error::passes;
use crate::patience::{Patience, limit};
use crate::{StoreError, holders, inspect};

mod control {
    refinery::embed_migrations!("migrations");
}

/// Lets only one deployment change the database at a time. The number is the ASCII of "ivory"; any constant would do.
const ADVISORY_LOCK: i64 = 0x69_76_6f_72_79;

/// How long the lock is held.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LockedFor {
    Session,
    Transaction,
}

/// The state of a database after its migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The highest version that is applied.
    pub version: i32,
    /// How many migrations this call applied.
    pub applied: usize,
}

/// Brings the control database to this release, and gives the functions' users their rights. A database that is newer than this release
/// is not changed. Older code works with it, because a release either adds to the schema or removes from it.
pub(crate) async fn migrate_control(
    client: &mut Client,
    logins: &[Login],
    patience: Patience,
) -> Result<Migrated, Failure> {
    limit(client).await?;
    lock(client, LockedFor::Session, patience).await?;
    let migrated = migrate_and_grant(client, logins, patience).await;
    let unlocked = client.execute("SELECT pg_advisory_unlock($1)", &[&ADVISORY_LOCK]).await;
    let migrated = migrated?;
    unlocked.map_err(StoreError::from)?;
    // A deployment does not depend on it.
    match inspect(client).await {
        Ok(findings) => findings.iter().for_each(|finding| tracing::warn!(?finding, "an older release allowed this")),
        Err(error) => tracing::warn!(%error, "what older releases allowed was not looked for"),
    }
    Ok(migrated)
}

async fn migrate_and_grant(client: &mut Client, logins: &[Login], patience: Patience) -> Result<Migrated, Failure> {
    let applied = migrate(client, patience).await?;
    grant(client, logins).await?;
    Ok(Migrated { version: version(client).await?, applied })
}

/// Takes the lock. There is no waiting in the database for it: whoever waits there cannot say for whom.
pub(crate) async fn lock(client: &impl GenericClient, time: LockedFor, patience: Patience) -> Result<(), Failure> {
    let sql = match time {
        LockedFor::Session => "SELECT pg_try_advisory_lock($1)",
        LockedFor::Transaction => "SELECT pg_try_advisory_xact_lock($1)",
    };
    loop {
        let row = client.query_one(sql, &[&ADVISORY_LOCK]).await.map_err(StoreError::from)?;
        if row.try_get(0).map_err(StoreError::from)? {
            return Ok(());
        }
        let holders = holders::of_lock(client, ADVISORY_LOCK).await?;
        if !patience.allows_another_try().await {
            return Err(Failure::with_detail(CauseCode::MigrationLocked, holders));
        }
        tracing::info!(holders, "another deployment is at work; waiting for it");
    }
}

/// Applies what is missing, all or nothing; returns how many migrations that were.
async fn migrate(client: &mut Client, patience: Patience) -> Result<usize, Failure> {
    loop {
        let runner = control::migrations::runner().set_grouped(true).set_abort_missing(false);
        // Boxed, because refinery's future is nested too deep for the futures around it.
        let error = match Box::pin(runner.run_async(client)).await {
            Ok(report) => return Ok(report.applied_migrations().len()),
            Err(error) => error,
        };
        if !is_blocked(&error) {
            return Err(migration_failure(&error));
        }
        let holders = holders::of_tables(client).await?;
        if !patience.allows_another_try().await {
            return Err(Failure::with_detail(CauseCode::MigrationBlocked, holders));
        }
        tracing::info!(holders, "a table that the migrations change is in use; trying again");
    }
}

/// Gives each user the rights of this release, in one transaction: a function that is at work has them before and after.
async fn grant(client: &Client, logins: &[Login]) -> Result<(), StoreError> {
    let grants: String =
        logins.iter().map(|login| login.rights.grants(&escape_identifier(&login.user.username))).collect();
    Ok(client.batch_execute(&grants).await?)
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
        Kind::DivergentVersion(of, _) | Kind::MissingVersion(of) => {
            return Failure::with_detail(CauseCode::MigrationDiverged, format!("version {}", of.version()));
        }
        Kind::Connection(..) => match sql_state(error).map(SqlState::code) {
            None => CauseCode::MigrationInterrupted,
            // 55P03: a lock was not free in time.
            Some(code) if passes(code) || code == "55P03" => CauseCode::MigrationInterrupted,
            // An invocation whose connection was cut may still be committing. The next try finds its history.
            Some("42P06" | "42P07" | "23505") => {
                let what = in_the_way(error).unwrap_or("the server does not say what");
                return Failure::with_detail(CauseCode::MigrationConflict, what);
            }
            Some(_) => CauseCode::MigrationRefused,
        },
        _ => CauseCode::MigrationBroken,
    };
    code.into()
}

/// Whether a table was not free in time, or was wanted by another transaction in another order.
fn is_blocked(error: &refinery::Error) -> bool {
    matches!(sql_state(error), Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED))
}

fn sql_state(error: &refinery::Error) -> Option<&SqlState> {
    server_error(error).and_then(tokio_postgres::Error::code)
}

/// The schema or relation that a migration creates and that is there already. It is the only name in that message.
fn in_the_way(error: &refinery::Error) -> Option<&str> {
    server_error(error)?.as_db_error()?.message().split('"').nth(1).and_then(word)
}

fn server_error(error: &refinery::Error) -> Option<&tokio_postgres::Error> {
    use refinery::error::Kind;
    let Kind::Connection(_, source) = error.kind() else { return None };
    source.downcast_ref()
}
