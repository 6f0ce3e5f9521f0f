//! The way into the environment's database, and back into it where its password was changed.

use std::time::Duration;

use domain::{Failure, FailureKind};
use secrecy::SecretString;
use secrets::PoolerAddress;
use step_kit::{Run, StepError};
use store::{DatabaseConfig, Intent, ResourceKind, TenantDatabase};
use supabase::MANAGEMENT_TIMEOUT;
use tokio::time::timeout;

use crate::access::address;
use crate::{Environment, project};

/// What a log-in is told that the database or its pooler refuses.
const REFUSED: &str = "tenant_database_refused";
/// What it is told where there is no connection.
const UNAVAILABLE: &str = "tenant_database_unavailable";
/// Time to ask whether the pooler has moved: a Management API that is slow leaves the step time to say what is wrong.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(2);
/// For so long a refused log-in is put down to a pooler that is new or behind: it knows the password within seconds, and
/// setting it meanwhile would help nobody.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the password is set at most: a pooler needs a while to learn it, and the Management API allows 120 calls a
/// minute.
const SET_EVERY: Duration = Duration::from_mins(1);

impl Environment {
    /// A connection to the environment's database, through its session pooler. A password that was changed at Supabase is
    /// set to the stored one again, a pooler that has moved is followed.
    pub async fn database(&self, run: &Run<'_>) -> Result<TenantDatabase, StepError> {
        Ok(self.reach(run).await?.0)
    }

    /// The same; where the pooler has moved, the tenant's secret says so from then on.
    pub async fn database_kept(&self, run: &Run<'_>) -> Result<TenantDatabase, StepError> {
        let (database, moved) = self.reach(run).await?;
        if let Some(pooler) = moved {
            self.keep_pooler(run, pooler).await?;
        }
        Ok(database)
    }

    /// The database, and the pooler that led there if the tenant's secret knows another.
    async fn reach(&self, run: &Run<'_>) -> Result<(TenantDatabase, Option<PoolerAddress>), StepError> {
        let secret = run.tenant_secret().await?;
        let known = match secret.pooler {
            Some(pooler) => pooler,
            // An older version of the secret was restored: step 5 puts back what it lacks.
            None => self.pooler(run).await?,
        };
        let mut moved = None;
        let mut opened = self.open(run, &known, &secret.db_pass).await;
        if opened.as_ref().is_err_and(|error| [REFUSED, UNAVAILABLE].contains(&error.cause().code.as_str()))
            && let Ok(Ok(today)) = timeout(LOOKED_UP_WITHIN, self.pooler(run)).await
            && today != known
        {
            opened = self.open(run, &today, &secret.db_pass).await;
            moved = Some(today);
        }
        let error = match opened {
            Ok(database) => {
                self.settle(run).await?;
                return Ok((database, moved));
            }
            Err(error) => self.explain(run, error).await.0,
        };
        let kind = match error.cause.code.as_str() {
            REFUSED if run.begun_for() < PATIENCE => FailureKind::Busy,
            // Supavisor lets nobody in for ten minutes after ten refusals within five: not every few seconds, then.
            REFUSED => {
                self.set_password(run, &secret.db_pass).await?;
                FailureKind::RateLimited { retry_after: None }
            }
            // The project is well, so that its pooler will be: what a run waits for ten minutes.
            UNAVAILABLE => FailureKind::Busy,
            _ => error.kind,
        };
        Err(Failure { kind, ..error }.into())
    }

    /// A log-in that works settles whether a password whose setting was not answered was set.
    async fn settle(&self, run: &Run<'_>) -> Result<(), StepError> {
        if run.begun_for() < PATIENCE {
            return Ok(());
        }
        match run.resource(ResourceKind::DatabasePassword).await? {
            Some(open) if open.external_id.is_none() => Ok(run.confirm(&open, &open.name, None).await?),
            _ => Ok(()),
        }
    }

    /// The session pooler as Supabase has it now.
    async fn pooler(&self, run: &Run<'_>) -> Result<PoolerAddress, StepError> {
        Ok(address(self.management(run).await?.session_pooler(&project(run)?).await?))
    }

    async fn open(
        &self,
        run: &Run<'_>,
        pooler: &PoolerAddress,
        password: &SecretString,
    ) -> Result<TenantDatabase, StepError> {
        let config = DatabaseConfig {
            host: pooler.host.clone(),
            port: pooler.port,
            dbname: pooler.dbname.clone(),
            username: pooler.user.clone(),
            password: password.clone(),
            ca_pem: run.supabase_secret().await?.database_ca_pem,
        };
        Ok(TenantDatabase::connect(&config).await?)
    }

    /// Sets the stored password at Supabase, unless that was tried a moment ago. The pooler needs a while to learn it.
    async fn set_password(&self, run: &Run<'_>, password: &SecretString) -> Result<(), StepError> {
        let project = project(run)?;
        if let Some(last) = run.resource(ResourceKind::DatabasePassword).await? {
            if last.age < SET_EVERY {
                return Ok(());
            }
            run.give_up(&last).await?;
        }
        let management = self.management(run).await?;
        let intent = Intent {
            kind: ResourceKind::DatabasePassword,
            name: project.as_str(),
            request: None,
            idempotency_key: None,
            call: MANAGEMENT_TIMEOUT,
        };
        let intent = run.intend(intent).await?;
        if let Err(error) = management.set_database_password(&project, password).await {
            if !error.outcome_unknown() {
                run.give_up(&intent).await?;
            }
            return Err(error.into());
        }
        run.confirm(&intent, project.as_str(), None).await?;
        Ok(())
    }
}
