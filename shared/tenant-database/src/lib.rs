//! A tenant's own database: its schema, shipped as migrations, and what steps 3 to 5 do in it.

#![warn(missing_docs)]

use domain::{CauseCode, Failure};
use futures_util::future::BoxFuture;
use secrets::DatabaseSecret;
use serde::Deserialize;
use store::{Migrated, StoreError};
use tls::Authorities;
use tokio_postgres::Client;
use uuid::Uuid;

mod embedded {
    refinery::embed_migrations!("migrations/tenant");
}

/// How many rows of each kind the migrations ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct SeedCounts {
    /// `iam.roles`.
    pub roles: i64,
    /// `iam.permissions`.
    pub permissions: i64,
    /// `iam.sod_rules`.
    pub sod_rules: i64,
    /// `workflow.templates`.
    pub workflow_templates: i64,
}

impl SeedCounts {
    /// What was found of what was shipped, where they differ. A database of a newer release may hold more than ours ships.
    #[must_use]
    pub fn differences(self, shipped: Self, newer: bool) -> Option<String> {
        let counts = [
            ("roles", self.roles, shipped.roles),
            ("permissions", self.permissions, shipped.permissions),
            ("SoD rules", self.sod_rules, shipped.sod_rules),
            ("workflow templates", self.workflow_templates, shipped.workflow_templates),
        ];
        let wrong: Vec<String> = counts
            .iter()
            .filter(|(_, found, shipped)| if newer { found < shipped } else { found != shipped })
            .map(|(what, found, shipped)| format!("{found} of {shipped} {what}"))
            .collect();
        (!wrong.is_empty()).then(|| wrong.join(", "))
    }
}

/// `migrations/tenant/manifest.json`, which a test compares with the migrations.
#[derive(Deserialize)]
struct Manifest {
    schema_version: i32,
    #[serde(flatten)]
    rows: SeedCounts,
}

impl Manifest {
    fn read() -> Self {
        serde_json::from_str(include_str!("../migrations/tenant/manifest.json")).expect("the manifest is valid")
    }
}

/// The rows that this release's migrations ship.
///
/// # Panics
/// Never: the manifest is compiled in, and a test reads it.
#[must_use]
pub fn manifest() -> SeedCounts {
    Manifest::read().rows
}

/// The highest migration of this release. The manifest says so too, and whoever only looks at a database is spared the
/// migrations with the parser of their names, a tenth of a package.
///
/// # Panics
/// Never: the manifest is compiled in, and a test reads it.
#[must_use]
pub fn newest_version() -> i32 {
    Manifest::read().schema_version
}

/// A user of the project's Auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthUser {
    /// The id.
    pub id: Uuid,
    /// Whether the user was ever invited.
    pub invited: bool,
    /// Whether the address is confirmed.
    pub confirmed: bool,
    /// Whether the user may not log in.
    pub banned: bool,
    /// When the last invitation was sent, in microseconds since 1970.
    pub invitation_sent: Option<i64>,
    /// When the last recovery mail was sent, in microseconds since 1970.
    pub recovery_sent: Option<i64>,
}

/// How somebody stops being the tenant's admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Removed, unless an act names them: then they are disabled.
    Removed,
    /// Disabled.
    Disabled,
    /// They only lose the grant.
    Grant,
}

/// The SQLSTATE of a row that another one refers to.
const FOREIGN_KEY_VIOLATION: &str = "23503";
/// The SQLSTATE of a change of somebody who has acted.
const RESTRICT_VIOLATION: &str = "23001";

/// A connection to a tenant's database.
pub struct TenantDatabase(Client);

impl TenantDatabase {
    /// Connects through the session pooler, for which an authority of Supabase's own vouches. A new pooler refuses log-ins
    /// for a while; that failure is transient.
    pub async fn connect(config: &DatabaseSecret) -> Result<Self, Failure> {
        store::connect_trusting(Authorities::SUPABASE, config, "ivory-provisioning").await.map(Self).map_err(failure)
    }

    /// Brings the database to this release, all or nothing. There is no advisory lock: the pooler would keep a killed
    /// session's lock. The tenant's lease excludes others, and the session's time-outs end what a killed invocation
    /// left open.
    // Boxed: compiled in this crate only, not in each one that awaits it.
    pub fn migrate(&mut self) -> BoxFuture<'_, Result<Migrated, Failure>> {
        Box::pin(async move {
            let timeouts = "SET lock_timeout = '10s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '30s'";
            self.0.batch_execute(timeouts).await.map_err(|error| failure(error.into()))?;
            let runner = embedded::migrations::runner().set_grouped(true).set_abort_missing(false);
            let report = runner.run_async(&mut self.0).await.map_err(|error| store::migration_failure(&error))?;
            let version = store::migrated_version(&self.0).await.map_err(failure)?;
            Ok(Migrated { version, applied: report.applied_migrations().len() })
        })
    }

    /// The highest migration that is applied; 0 if there is none.
    pub async fn version(&self) -> Result<i32, Failure> {
        let versions = async {
            if self.0.query_one(include_str!("../sql/has_history.sql"), &[]).await?.try_get("is_there")? {
                store::migrated_version(&self.0).await
            } else {
                Ok(0)
            }
        };
        versions.await.map_err(failure)
    }

    /// Whether the user of the project's Auth is the tenant's admin in the IAM schema, and not disabled.
    pub async fn is_admin(&self, auth_user_id: Uuid) -> Result<bool, Failure> {
        let is_admin = async {
            let row = self.0.query_one(include_str!("../sql/tenant_admin_is.sql"), &[&auth_user_id]).await?;
            Ok::<_, StoreError>(row.try_get("is_admin")?)
        };
        is_admin.await.map_err(failure)
    }

    /// Counts the seeded rows.
    pub async fn seed_counts(&self) -> Result<SeedCounts, Failure> {
        let counts = async {
            let row = self.0.query_one(include_str!("../sql/seed_counts.sql"), &[]).await?;
            Ok::<_, StoreError>(SeedCounts {
                roles: row.try_get("roles")?,
                permissions: row.try_get("permissions")?,
                sod_rules: row.try_get("sod_rules")?,
                workflow_templates: row.try_get("workflow_templates")?,
            })
        };
        counts.await.map_err(failure)
    }

    /// The user of the project's Auth with exactly this address (compared in lower case).
    pub async fn auth_user(&self, email: &str) -> Result<Option<AuthUser>, Failure> {
        let user = async {
            let row = self.0.query_opt(include_str!("../sql/auth_user.sql"), &[&email]).await?;
            let user = row.map(|row| {
                Ok::<_, StoreError>(AuthUser {
                    id: row.try_get("id")?,
                    invited: row.try_get("invited")?,
                    confirmed: row.try_get("confirmed")?,
                    banned: row.try_get("banned")?,
                    invitation_sent: row.try_get("invitation_sent")?,
                    recovery_sent: row.try_get("recovery_sent")?,
                })
            });
            user.transpose()
        };
        user.await.map_err(failure)
    }

    /// The user with this address is not the tenant's admin any more. Returns whether a user of this address is left in
    /// the IAM schema. Repeating it changes nothing.
    pub async fn withdraw_admin(&self, email: &str, leaving: Leaving) -> Result<bool, Failure> {
        let withdraw = async |remove: bool| {
            let disable = leaving != Leaving::Grant;
            let row = self
                .0
                .query_opt(include_str!("../sql/tenant_admin_withdraw.sql"), &[&email, &remove, &disable])
                .await?;
            Ok::<_, StoreError>(row.is_some())
        };
        match withdraw(leaving == Leaving::Removed).await {
            // A table of an application names the user, or they acted meanwhile.
            Err(StoreError::Broken(state)) if state == FOREIGN_KEY_VIOLATION || state == RESTRICT_VIOLATION => {
                withdraw(false).await
            }
            outcome => outcome,
        }
        .map_err(failure)
    }

    /// Makes the invitee the tenant's admin; repeating it changes nothing.
    pub async fn grant_admin(&self, auth_user_id: Uuid, email: &str) -> Result<(), Failure> {
        let granted = async {
            self.0.execute(include_str!("../sql/tenant_admin_grant.sql"), &[&auth_user_id, &email]).await?;
            Ok::<_, StoreError>(())
        };
        granted.await.map_err(|error| match error {
            StoreError::Broken(state) if state == RESTRICT_VIOLATION => CauseCode::AdminIdentityKept.into(),
            other => failure(other),
        })
    }
}

/// Failures of a tenant's database have their own codes: they need other people than those of the control database.
fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Credentials(failure) => failure,
        StoreError::Untrusted(distrust) => {
            Failure::with_detail(CauseCode::TenantDatabaseUntrusted, distrust.to_string())
        }
        StoreError::Refused => CauseCode::TenantDatabaseRefused.into(),
        StoreError::Unavailable | StoreError::Timeout => CauseCode::TenantDatabaseUnavailable.into(),
        StoreError::Forbidden | StoreError::Taken { .. } | StoreError::Broken(_) => {
            CauseCode::TenantDatabaseMismatch.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        let shipped = manifest();
        assert_eq!(shipped.differences(shipped, false), None);
        let found = SeedCounts { roles: shipped.roles - 1, ..shipped };
        assert_eq!(found.differences(shipped, false), Some(format!("{} of {} roles", found.roles, shipped.roles)));
    }

    #[test]
    fn a_newer_database_may_hold_more_but_not_less() {
        let shipped = manifest();
        let more = SeedCounts { roles: shipped.roles + 1, ..shipped };
        assert_eq!(more.differences(shipped, true), None);
        assert!(more.differences(shipped, false).is_some());
        assert!(shipped.differences(more, true).is_some());
    }
}
