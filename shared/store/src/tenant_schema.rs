//! The tenant's own database, as steps 3 to 5 use it.

use domain::Failure;
use serde::Deserialize;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::migrate::{self, Migrated, tenant_trouble};
use crate::{DatabaseConfig, StoreError};

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

/// What this release's migrations ship; `migrations/tenant/manifest.json` is held to them by a test.
///
/// # Panics
/// Never: the file is compiled in, and a test reads it.
#[must_use]
pub fn manifest() -> SeedCounts {
    serde_json::from_str(include_str!("../migrations/tenant/manifest.json")).expect("the manifest is valid")
}

/// A connection to a tenant's database.
pub struct TenantDatabase(Client);

impl TenantDatabase {
    /// Connects through the session pooler. A fresh pooler refuses log-ins for a while: that is transient.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self, Failure> {
        crate::connect(config, "ivory-provisioning").await.map(Self).map_err(|error| tenant_trouble(&error))
    }

    /// Runs the migrations.
    pub async fn migrate(&mut self) -> Result<Migrated, Failure> {
        let migrated = migrate::migrate_tenant(&mut self.0).await?;
        debug_assert!(migrated.version >= migrate::newest_tenant_version());
        Ok(migrated)
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
        counts.await.map_err(|error| tenant_trouble(&error))
    }

    /// The id of the Auth user with exactly this address (compared in lower case) who was invited.
    pub async fn invited_user(&self, email: &str) -> Result<Option<Uuid>, Failure> {
        let id = async {
            let row = self.0.query_opt(include_str!("../sql/invited_user.sql"), &[&email]).await?;
            Ok::<_, StoreError>(row.map(|row| row.try_get("id")).transpose()?)
        };
        id.await.map_err(|error| tenant_trouble(&error))
    }

    /// Makes the invitee the tenant's admin; repeating it changes nothing.
    pub async fn grant_admin(&self, auth_user_id: Uuid, email: &str) -> Result<(), Failure> {
        let granted = async {
            self.0.execute(include_str!("../sql/tenant_admin_grant.sql"), &[&auth_user_id, &email]).await?;
            Ok::<_, StoreError>(())
        };
        granted.await.map_err(|error| tenant_trouble(&error))
    }
}
