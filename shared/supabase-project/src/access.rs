//! Keeps the tenant's secret up to date: the keys of the project and its pooler.

use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind};
use lambda_kit::{Write, needs};
use secrecy::SecretString;
use secrets::TenantSecret;
use store::Lease;
use supabase::Access;
use tenant_database::TenantDatabase;

use crate::database::address;
use crate::project::{SupabaseProject, project_ref};

/// The time limit for writing a secret.
const PUT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long Supabase may refuse a key of the project because the key is new.
const KEY_IS_NEW_FOR: Duration = Duration::from_secs(30);

needs! {
    /// The project of the lease's tenant, with the right to write the tenant's secret.
    pub struct ProjectAccess {
        pub(crate) project: SupabaseProject,
        writer: Write<TenantSecret>,
    }
}

impl ProjectAccess {
    /// Writes keys and pooler into the tenant's secret. False: the secret has them already.
    pub async fn keep(&self, lease: &Lease<'_>, access: Access) -> Result<bool, Failure> {
        let known = self.project.secrets.of(lease).await?;
        let complete = TenantSecret {
            publishable_key: Some(access.keys.publishable),
            secret_key: Some(access.keys.secret),
            pooler: Some(address(access.pooler)),
            ..known.clone()
        };
        self.put(lease, &known, &complete).await
    }

    pub(crate) async fn put(
        &self,
        lease: &Lease<'_>,
        known: &TenantSecret,
        secret: &TenantSecret,
    ) -> Result<bool, Failure> {
        if secret == known {
            return Ok(false);
        }
        lease.fence(PUT_TIMEOUT).await?;
        self.writer.put(lease.tenant().tenant_id, secret).await?;
        Ok(true)
    }

    /// The project itself.
    #[must_use]
    pub const fn project(&self) -> &SupabaseProject {
        &self.project
    }

    /// A connection to the project's database, like [`SupabaseProject::database`]. If the pooler has moved, its new
    /// address is written into the tenant's secret.
    pub async fn database(&self, lease: &Lease<'_>) -> Result<TenantDatabase, Failure> {
        let (database, moved) = self.project.reach(lease).await?;
        if let Some(pooler) = moved {
            let known = self.project.secrets.of(lease).await?;
            self.put(lease, &known, &TenantSecret { pooler: Some(pooler), ..known.clone() }).await?;
        }
        Ok(database)
    }

    /// The key of the project's Auth. If the secret has lost values that step 2 wrote, they are written again.
    pub async fn secret_key(&self, lease: &Lease<'_>) -> Result<SecretString, Failure> {
        let known = self.project.secrets.of(lease).await?;
        if let TenantSecret { publishable_key: Some(_), secret_key: Some(key), pooler: Some(_), .. } = known {
            return Ok(key);
        }
        let access = self.fetch(lease).await?;
        let key = access.keys.secret.clone();
        self.keep(lease, access).await?;
        Ok(key)
    }

    /// The same as [`SupabaseProject::explain`]. If the keys were replaced at Supabase, they are read again, for the
    /// next invocation.
    pub async fn explain_and_renew_keys(&self, lease: &Lease<'_>, failure: Failure) -> Failure {
        let failure = self.project.explain(lease, failure).await;
        if failure.code() != CauseCode::SupabaseAuthUnauthorized {
            return failure;
        }
        match self.renew(lease).await {
            Ok(true) => CauseCode::EnvironmentKeysRenewed.into(),
            // The refused keys are the project's own. New keys may not be known everywhere yet.
            Ok(false) if lease.begun_for() < KEY_IS_NEW_FOR => failure.of_kind(FailureKind::Busy),
            Ok(false) => failure,
            Err(trouble) => trouble,
        }
    }

    /// Reads keys and pooler at Supabase, and keeps them. False: the tenant's secret has them already.
    pub async fn renew(&self, lease: &Lease<'_>) -> Result<bool, Failure> {
        let access = self.fetch(lease).await?;
        self.keep(lease, access).await
    }

    async fn fetch(&self, lease: &Lease<'_>) -> Result<Access, Failure> {
        Ok(self.project.account.management().await?.access(&project_ref(lease)?).await?)
    }
}
