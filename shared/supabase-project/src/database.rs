//! The connection to the project's database, which still works after its password was changed or its pooler has moved.

use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind};
use secrecy::SecretString;
use secrets::{DatabaseSecret, PoolerAddress};
use store::{Intent, Lease, ResourceKind};
use supabase::{MANAGEMENT_TIMEOUT, Pooler};
use tenant_database::TenantDatabase;
use tokio::time::timeout;

use crate::project::{SupabaseProject, project_ref};

/// The time limit for looking up whether the pooler has moved. It is short, so that the step still has time to report
/// its failure if the Management API is slow.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a refused log-in may be the pooler's fault. A pooler that is new or late learns the password within
/// seconds, and setting the password during that time would not help.
const POOLER_LEARNS_WITHIN: Duration = Duration::from_secs(10);
/// The shortest time between two settings of the password. A pooler needs a while to learn it, and the Management API
/// allows 120 calls a minute.
const SET_EVERY: Duration = Duration::from_mins(1);

impl SupabaseProject {
    /// A connection to the project's database, through its session pooler. If the password was changed at Supabase, it
    /// is set to the stored one again. If the pooler has moved, its new address is used.
    pub async fn database(&self, lease: &Lease<'_>) -> Result<TenantDatabase, Failure> {
        Ok(self.reach(lease).await?.0)
    }

    /// The database, and the pooler that was used if it is not the one in the tenant's secret.
    pub(crate) async fn reach(&self, lease: &Lease<'_>) -> Result<(TenantDatabase, Option<PoolerAddress>), Failure> {
        let secret = self.secrets.of(lease).await?;
        let known = match secret.pooler {
            Some(pooler) => pooler,
            // An older version of the secret was restored. Step 5 writes the pooler again.
            None => match self.pooler(lease).await {
                Ok(pooler) => pooler,
                Err(failure) => return Err(self.explain(lease, failure).await),
            },
        };
        let mut moved = None;
        let mut opened = self.open(&known, &secret.db_pass).await;
        if opened.as_ref().is_err_and(may_have_moved)
            && let Ok(Ok(current)) = timeout(LOOK_UP_TIMEOUT, self.pooler(lease)).await
            && current != known
        {
            opened = self.open(&current, &secret.db_pass).await;
            moved = Some(current);
        }
        let failure = match opened {
            Ok(database) => {
                confirm_password(lease).await?;
                return Ok((database, moved));
            }
            Err(failure) => self.explain(lease, failure).await,
        };
        let kind = match failure.code() {
            CauseCode::TenantDatabaseRefused if lease.begun_for() < POOLER_LEARNS_WITHIN => FailureKind::Busy,
            // After ten refusals within five minutes, Supavisor refuses everybody for ten minutes. So the step is not
            // tried every few seconds.
            CauseCode::TenantDatabaseRefused => {
                self.set_password(lease, &secret.db_pass).await?;
                FailureKind::RateLimited
            }
            // The project is healthy, so its pooler will become healthy too. A run waits for that.
            CauseCode::TenantDatabaseUnavailable => FailureKind::Busy,
            _ => failure.kind(),
        };
        Err(failure.of_kind(kind))
    }

    /// The session pooler as Supabase reports it now.
    async fn pooler(&self, lease: &Lease<'_>) -> Result<PoolerAddress, Failure> {
        Ok(address(self.account.management().await?.session_pooler(&project_ref(lease)?).await?))
    }

    async fn open(&self, pooler: &PoolerAddress, password: &SecretString) -> Result<TenantDatabase, Failure> {
        let config = DatabaseSecret {
            host: pooler.host.clone(),
            port: pooler.port,
            dbname: pooler.dbname.clone(),
            username: pooler.user.clone(),
            password: password.clone(),
            ca_pem: self.account.database_ca().await?,
        };
        TenantDatabase::connect(&config).await
    }

    /// Sets the stored password at Supabase, unless that was tried within [`SET_EVERY`].
    async fn set_password(&self, lease: &Lease<'_>, password: &SecretString) -> Result<(), Failure> {
        let project = project_ref(lease)?;
        if let Some(last) = lease.resource(ResourceKind::DatabasePassword).await? {
            if last.age < SET_EVERY {
                return Ok(());
            }
            lease.give_up(&last).await?;
        }
        let management = self.account.management().await?;
        let intent = Intent::named(ResourceKind::DatabasePassword, project.as_str(), MANAGEMENT_TIMEOUT);
        let intent = lease.intend(intent).await?;
        if let Err(error) = management.set_database_password(&project, password).await {
            if !error.outcome_unknown() {
                lease.give_up(&intent).await?;
            }
            return Err(error.into());
        }
        lease.confirm(&intent, project.as_str()).await
    }
}

/// A log-in that works confirms an open intent to set the password.
async fn confirm_password(lease: &Lease<'_>) -> Result<(), Failure> {
    if lease.begun_for() < POOLER_LEARNS_WITHIN {
        return Ok(());
    }
    match lease.resource(ResourceKind::DatabasePassword).await? {
        Some(open) if open.external_id.is_none() => lease.confirm(&open, &open.name).await,
        _ => Ok(()),
    }
}

/// A name that the pooler has left may lead to another server, which has another certificate.
fn may_have_moved(failure: &Failure) -> bool {
    matches!(
        failure.code(),
        CauseCode::TenantDatabaseRefused | CauseCode::TenantDatabaseUnavailable | CauseCode::TenantDatabaseUntrusted
    )
}

/// The pooler as the tenant's secret holds it.
pub(crate) fn address(pooler: Pooler) -> PoolerAddress {
    PoolerAddress { host: pooler.host, port: pooler.port, user: pooler.user, dbname: pooler.dbname }
}
