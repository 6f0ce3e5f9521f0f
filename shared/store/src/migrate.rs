//! Migrations: the control database's at deployment, a tenant's in step 3. Files are `migrations/{control,tenant}`.

use domain::{Failure, FailureKind, Owner};
use tokio_postgres::Client;

use crate::StoreError;

mod control {
    refinery::embed_migrations!("migrations/control");
}

mod tenant {
    refinery::embed_migrations!("migrations/tenant");
}

/// One deployment at a time. Any constant does; this one is the ASCII of "ivory".
const ADVISORY_LOCK: i64 = 0x69_76_6f_72_79;

/// Where a database stands after its migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The highest version, whoever applied it.
    pub version: i32,
    /// How many this call applied.
    pub applied: usize,
}

/// Brings the control database to this release, and lets `app_role` use it. A database newer than this release is left
/// alone: expanding and contracting are separate releases, so the older code works on it, and a rollback does not stick.
pub async fn migrate_control(client: &mut Client, app_role: &str) -> Result<Migrated, Failure> {
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(StoreError::from)?;
    let runner = control::migrations::runner().set_grouped(true).set_abort_missing(false);
    // Boxed: refinery's future is nested too deep for whoever embeds it.
    let report = Box::pin(runner.run_async(client)).await.map_err(|error| refused(&error))?;
    grant(client, app_role).await?;
    client.execute("SELECT pg_advisory_unlock($1)", &[&ADVISORY_LOCK]).await.map_err(StoreError::from)?;
    let version = version(client).await?;
    Ok(Migrated { version, applied: report.applied_migrations().len() })
}

/// The application reads and writes rows; what it may not do is change the schema, or its own audit trail.
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

/// Brings a tenant's database to this release, all or nothing. No advisory lock: a killed session would keep it behind
/// the pooler; the tenant's lease excludes others. The session's time-outs end what a killed copy left open.
pub async fn migrate_tenant(client: &mut Client) -> Result<Migrated, Failure> {
    client
        .batch_execute(
            "SET lock_timeout = '10s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '30s'",
        )
        .await
        .map_err(|error| tenant_trouble(&error.into()))?;
    let runner = tenant::migrations::runner().set_grouped(true).set_abort_missing(false);
    // Boxed: refinery's future is nested too deep for whoever embeds it.
    let report = Box::pin(runner.run_async(client)).await.map_err(|error| refused(&error))?;
    let version = version(client).await.map_err(|error| tenant_trouble(&error))?;
    Ok(Migrated { version, applied: report.applied_migrations().len() })
}

/// The highest migration of this release for a tenant's database.
#[must_use]
pub fn newest_tenant_version() -> i32 {
    tenant::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0)
}

async fn version(client: &Client) -> Result<i32, StoreError> {
    let row = client.query_one("SELECT max(version) FROM refinery_schema_history", &[]).await?;
    Ok(row.try_get(0)?)
}

/// Refinery's errors, without their texts: those quote the server.
fn refused(error: &refinery::Error) -> Failure {
    use FailureKind::{Internal, Rejected, Transient};
    use refinery::error::Kind;
    let (kind, code, owner, hint) = match error.kind() {
        Kind::Connection(_, source) => {
            let state = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
            match state.map(tokio_postgres::error::SqlState::code) {
                None => (
                    Transient,
                    "migration_interrupted",
                    Owner::Provider,
                    "The database connection broke during the migrations; nothing was applied, and they are tried again.",
                ),
                Some(code) if passing(code) => (
                    Transient,
                    "migration_interrupted",
                    Owner::Provider,
                    "The database could not finish the migrations just now; nothing was applied, and they are tried again.",
                ),
                // A predecessor whose connection was cut may still be committing: then the next try finds its history.
                Some("42P06" | "42P07" | "23505") => (
                    Transient,
                    "migration_conflict",
                    Owner::Platform,
                    "Something the migrations create is there already. It is tried again; if that does not help drop what is in the way, then resume.",
                ),
                Some(_) => (
                    Rejected,
                    "migration_refused",
                    Owner::Platform,
                    "The database refused a migration; compare the function's log with the database's log, mend the schema, then resume.",
                ),
            }
        }
        Kind::DivergentVersion(..) | Kind::MissingVersion(..) => (
            Rejected,
            "migration_diverged",
            Owner::Platform,
            "The database's migration history is not this product's; compare refinery_schema_history with the release.",
        ),
        _ => (
            Internal,
            "migration_broken",
            Owner::Platform,
            "The migrations of this release cannot be run; deploy a fixed release.",
        ),
    };
    Failure::new(kind, code, owner, hint)
}

/// What passes by itself: lost connections, a transaction ended for idling, deadlocks, resources, operator intervention,
/// lock waits.
fn passing(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "25" | "40" | "53" | "57" | "58" | "XX")) || code == "55P03"
}

/// A tenant's database is not the control database: its trouble has another name and another owner.
pub(crate) fn tenant_trouble(error: &StoreError) -> Failure {
    match error {
        StoreError::Credentials(failure) => failure.clone(),
        StoreError::Refused => Failure::new(
            FailureKind::Transient,
            "tenant_database_refused",
            Owner::Platform,
            "The tenant's database does not take the stored password; it is set again at Supabase and tried again. If this stays, look at the project's pooler in Supabase, then POST again.",
        ),
        StoreError::Unavailable | StoreError::Timeout => Failure::new(
            FailureKind::Transient,
            "tenant_database_unavailable",
            Owner::Provider,
            "The tenant's database cannot be reached through its pooler; it is tried again. If this stays, look at the project's pooler and network restrictions in Supabase, then POST again.",
        ),
        StoreError::Taken { .. } | StoreError::Broken(_) => Failure::new(
            FailureKind::Rejected,
            "tenant_database_mismatch",
            Owner::Platform,
            "The tenant's database does not hold the schema this release ships; mend or drop it, then resume.",
        ),
    }
}
