//! What there is of a tenant's project. Nothing is changed: where [`SupabaseProject`] would set a password or look for another
//! pooler, a look only says what it met.
//!
//! [`SupabaseProject`]: crate::SupabaseProject

use std::time::Duration;

use domain::{CauseCode, Failure};
use lambda_kit::{Read, needs};
use secrecy::ExposeSecret;
use secrets::{DatabaseSecret, TenantSecret};
use store::Tenant;
use supabase::{Auth, ProjectRef, ProjectStatus};
use tenant_database::TenantDatabase;

use crate::account::SupabaseAccount;
use crate::database::address;
use crate::project::ProjectUrl;

needs! {
    /// Tenants' projects, to look at.
    pub struct ProjectLook {
        account: SupabaseAccount,
        secrets: Read<TenantSecret>,
        project_url: ProjectUrl,
    }
}

/// What the tenant's secret holds of the project, compared with the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenKeys {
    /// The same, and Auth accepts the key.
    Good,
    /// The same, and Auth refuses the key.
    Refused,
    /// Something else, or nothing.
    Outdated(&'static str),
}

impl ProjectLook {
    /// The project's state; `None` if there is no such project.
    pub async fn status(&self, project: &ProjectRef) -> Result<Option<ProjectStatus>, Failure> {
        let found = self.account.management().await?.project(project).await?;
        Ok(found.map(|project| project.status))
    }

    /// Compares keys and pooler, and shows the key to Auth. A call of Auth takes at most `call`.
    pub async fn keys(&self, tenant: &Tenant, project: &ProjectRef, call: Duration) -> Result<SeenKeys, Failure> {
        let known = self.secrets.read_of(tenant.tenant_id).await?;
        let access = self.account.management().await?.access(project).await?;
        let (publishable, secret) = (known.publishable_key.as_ref(), known.secret_key.as_ref());
        let same_keys = publishable.is_some_and(|key| key.expose_secret() == access.keys.publishable.expose_secret())
            && secret.is_some_and(|key| key.expose_secret() == access.keys.secret.expose_secret());
        let same_pooler = known.pooler.as_ref() == Some(&address(access.pooler));
        match (same_keys, same_pooler) {
            (false, false) => return Ok(SeenKeys::Outdated("keys and pooler")),
            (false, true) => return Ok(SeenKeys::Outdated("keys")),
            (true, false) => return Ok(SeenKeys::Outdated("pooler")),
            (true, true) => {}
        }
        let auth = Auth::within(call, &tenant.fill(&self.project_url.template), access.keys.secret);
        match auth.signup_is_disabled().await.map_err(Failure::from) {
            Ok(_) => Ok(SeenKeys::Good),
            Err(failure) if failure.code() == CauseCode::SupabaseAuthUnauthorized => Ok(SeenKeys::Refused),
            Err(failure) => Err(failure),
        }
    }

    /// A connection to the project's database with what the tenant's secret holds.
    pub async fn database(&self, tenant: &Tenant) -> Result<TenantDatabase, Failure> {
        let TenantSecret { db_pass, pooler, .. } = self.secrets.read_of(tenant.tenant_id).await?;
        let pooler = pooler.ok_or_else(|| Failure::with_detail(CauseCode::KeysOutdated, "pooler"))?;
        let config = DatabaseSecret {
            host: pooler.host,
            port: pooler.port,
            dbname: pooler.dbname,
            username: pooler.user,
            password: db_pass,
            ca_pem: self.account.database_ca().await?,
        };
        TenantDatabase::connect(&config).await
    }
}
