//! What opens an environment, and how it is found again.

use std::time::Duration;

use domain::{Cause, Failure, FailureKind, Owner};
use secrecy::SecretString;
use secrets::{Name, PoolerAddress, TenantSecret};
use step_kit::{Run, StepError};
use supabase::Access;

use crate::{Environment, project};

/// What a step is told whose key was refused.
const KEY_REFUSED: &str = "supabase_auth_unauthorized";

/// For so long a key that is the project's own is refused because it is new.
const PATIENCE: Duration = Duration::from_secs(30);

impl Environment {
    /// Puts keys and pooler into the tenant's secret. False: it holds them already.
    pub async fn keep(&self, run: &Run<'_>, access: Access) -> Result<bool, StepError> {
        let known = run.tenant_secret().await?;
        let complete = TenantSecret {
            publishable_key: Some(access.keys.publishable),
            secret_key: Some(access.keys.secret),
            pooler: Some(address(access.pooler)),
            ..known.clone()
        };
        self.put(run, &known, &complete).await
    }

    /// Puts the pooler's new address into the tenant's secret.
    pub(crate) async fn keep_pooler(&self, run: &Run<'_>, pooler: PoolerAddress) -> Result<(), StepError> {
        let known = run.tenant_secret().await?;
        self.put(run, &known, &TenantSecret { pooler: Some(pooler), ..known.clone() }).await.map(drop)
    }

    async fn put(&self, run: &Run<'_>, known: &TenantSecret, secret: &TenantSecret) -> Result<bool, StepError> {
        if secret == known {
            return Ok(false);
        }
        run.fence(Duration::from_secs(5)).await?;
        self.secrets.put(Name::Tenant(run.tenant().tenant_id), secret).await?;
        Ok(true)
    }

    /// The key of the environment's Auth. A secret that lost anything of what step 2 put into it gets it again.
    pub async fn secret_key(&self, run: &Run<'_>) -> Result<SecretString, StepError> {
        let known = run.tenant_secret().await?;
        if let TenantSecret { publishable_key: Some(_), secret_key: Some(key), pooler: Some(_), .. } = known {
            return Ok(key);
        }
        let access = self.management(run).await?.access(&project(run)?).await?;
        let key = access.keys.secret.clone();
        self.keep(run, access).await?;
        Ok(key)
    }

    /// As [`Environment::explain`], and keys that were replaced are fetched: the next invocation uses them.
    pub async fn explain_and_renew_keys(&self, run: &Run<'_>, error: StepError) -> StepError {
        let error = self.explain(run, error).await;
        if error.cause().code != KEY_REFUSED {
            return error;
        }
        match self.renew_keys(run).await {
            Ok(true) => renewed(),
            // The keys that were refused are the project's own; new ones may not be known everywhere yet.
            Ok(false) if run.begun_for() < PATIENCE => {
                let Failure { cause, .. } = error.0;
                Failure { kind: FailureKind::Busy, cause: Cause { retryable: true, ..cause } }.into()
            }
            Ok(false) => error,
            Err(trouble) => trouble,
        }
    }

    async fn renew_keys(&self, run: &Run<'_>) -> Result<bool, StepError> {
        let access = self.management(run).await?.access(&project(run)?).await?;
        self.keep(run, access).await
    }
}

/// The pooler as the tenant's secret has it.
pub(crate) fn address(pooler: supabase::Pooler) -> PoolerAddress {
    PoolerAddress { host: pooler.host, port: pooler.port, user: pooler.user, dbname: pooler.dbname }
}

fn renewed() -> StepError {
    StepError::busy(
        "environment_keys_renewed",
        Owner::Provider,
        "The environment's keys had been replaced at Supabase and were fetched again; the step goes on with the new ones.",
    )
}
