//! One invocation of one step, under the tenant's lease.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use domain::{Failure, FailureKind, Owner, Step, names};
use secrets::{Name, Secrets, SupabaseSecret, TenantSecret};
use store::{
    Activation, Begun, DatabaseConfig, Intent, Lease, Resource, ResourceKind, StepEffect, Store, Tenant, TenantDatabase,
};

use crate::StepError;
use crate::error::held;

/// How a step ended.
#[derive(Debug)]
pub enum Outcome {
    /// Its effect is there.
    Done,
    /// Its effect is there, and this is what it leaves in the tenant's row.
    Environment {
        /// Supabase's reference.
        project_ref: String,
        /// The tenant's public database URL.
        url: String,
    },
    /// Step 3's effect is there.
    Schema {
        /// The highest migration.
        version: i32,
    },
    /// Step 6's effect is there.
    Graph {
        /// Its key.
        name: String,
    },
    /// Step 7's effect is there.
    SearchIndex {
        /// The alias readers use.
        alias: String,
    },
    /// Nothing to do but wait: the state machine asks again.
    Waiting {
        /// For what, as the status route shows it.
        waiting_for: Cow<'static, str>,
    },
    /// The step has written its completion itself.
    Written,
}

/// One invocation of one step: the tenant as it was when the lease was taken, and everything done under that lease.
pub struct Run<'a> {
    pub(crate) step: Step,
    pub(crate) begun: Begun,
    /// When the invocation's work is cut off: a little before its lease lapses.
    pub(crate) work_ends: Instant,
    pub(crate) store: &'a Store,
    pub(crate) secrets: &'a Secrets,
}

impl Run<'_> {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.begun.tenant
    }

    /// Whether the step was first begun more than 30 minutes ago, by the database's clock.
    #[must_use]
    pub fn overdue(&self) -> bool {
        self.begun.overdue
    }

    fn lease(&self) -> &Lease {
        &self.begun.lease
    }

    /// A call that could not end before this invocation does would be cut off in the middle.
    fn in_time(&self, call: Duration) -> Result<(), StepError> {
        if Instant::now() + call <= self.work_ends { Ok(()) } else { Err(StepError::lease_too_short()) }
    }

    /// Makes sure that the lease outlasts a call of that length. Comes before every call that changes something
    /// outside and has no intent of its own.
    pub async fn fence(&self, call: Duration) -> Result<(), StepError> {
        self.in_time(call)?;
        if self.store.lease_outlasts(self.lease(), call).await? { Ok(()) } else { Err(StepError::lease_too_short()) }
    }

    /// The live ledger row of that kind, if there is one.
    pub async fn resource(&self, kind: ResourceKind) -> Result<Option<Resource>, StepError> {
        Ok(self.store.resource(self.tenant().tenant_id, kind).await?)
    }

    /// Every name this tenant's resources of that kind ever had.
    pub async fn resource_names(&self, kind: ResourceKind) -> Result<Vec<String>, StepError> {
        Ok(self.store.resource_names(self.tenant().tenant_id, kind).await?)
    }

    /// Writes down what is about to be asked for. It is committed when this returns, and the lease outlasts the call.
    pub async fn intend(&self, intent: Intent<'_>) -> Result<Resource, StepError> {
        self.in_time(intent.call)?;
        self.store.intend(self.lease(), self.step, intent).await?.ok_or_else(StepError::lease_too_short)
    }

    /// The live ledger row, or a new intent; for effects that may be repeated as they are.
    pub async fn intend_again(&self, intent: Intent<'_>) -> Result<Resource, StepError> {
        match self.resource(intent.kind).await? {
            Some(resource) => self.fence(intent.call).await.map(|()| resource),
            None => self.intend(intent).await,
        }
    }

    /// Gives an open intent a new request and key: the one before is known to have had no effect.
    pub async fn renew(&self, resource: &Resource, request: &str, key: &str, call: Duration) -> Result<(), StepError> {
        self.in_time(call)?;
        let renewed = self.store.renew_intent(self.lease(), resource.id, request, key, call).await?;
        if renewed { Ok(()) } else { Err(StepError::lease_too_short()) }
    }

    /// The resource is there, under this id.
    pub async fn confirm(
        &self,
        resource: &Resource,
        external_id: &str,
        provider_request_id: Option<&str>,
    ) -> Result<(), StepError> {
        held(self.store.confirm(self.lease(), resource.id, external_id, provider_request_id).await)
    }

    /// The resource was never made, or is gone for good.
    pub async fn give_up(&self, resource: &Resource) -> Result<(), StepError> {
        held(self.store.give_up(self.lease(), resource.id).await)
    }

    /// The environment is gone for good: its ledger row dies and step 1 starts over with the next attempt.
    pub async fn environment_dead(&self) -> Result<(), StepError> {
        held(self.store.environment_dead(self.lease()).await)
    }

    /// Step 9's transaction. False: the tier is not the one that was billed any more, or the lease lapsed.
    pub async fn activate(&self, activation: Activation<'_>) -> Result<bool, StepError> {
        Ok(self.store.activate(self.lease(), activation).await?)
    }

    /// Whether a step was ever begun for this tenant, in any attempt.
    pub async fn ever_begun(&self, step: Step) -> Result<bool, StepError> {
        Ok(self.store.step_ever_begun(self.tenant().tenant_id, step).await?)
    }

    /// The control database, for delivering what a step's own transaction promised.
    #[must_use]
    pub const fn store(&self) -> &Store {
        self.store
    }

    /// The tenant's own secret.
    pub async fn tenant_secret(&self) -> Result<TenantSecret, StepError> {
        self.secrets.read(Name::Tenant(self.tenant().tenant_id)).await.map_err(|failure| {
            // Step 1 created it: what cannot be read yet was created a moment ago.
            let young = failure.cause.code == "secret_missing" && self.step <= Step::AwaitEnvironment;
            if young { StepError(Failure { kind: FailureKind::Busy, ..failure }) } else { failure.into() }
        })
    }

    /// The Management API's credential, and the authority of its databases.
    pub async fn supabase_secret(&self) -> Result<SupabaseSecret, StepError> {
        Ok(self.secrets.read(Name::Control("supabase")).await?)
    }

    /// A connection to the tenant's database, through its session pooler.
    pub async fn tenant_database(&self) -> Result<TenantDatabase, StepError> {
        let secret = self.tenant_secret().await?;
        let Some(pooler) = secret.pooler else {
            return Err(StepError::new(
                FailureKind::Transient,
                "pooler_unknown",
                Owner::Platform,
                "The tenant's secret holds no pooler address although step 2 is completed; restore its last version.",
            ));
        };
        let config = DatabaseConfig {
            host: pooler.host,
            port: pooler.port,
            dbname: pooler.dbname,
            username: pooler.user,
            password: secret.db_pass,
            ca_pem: self.supabase_secret().await?.database_ca_pem,
        };
        Ok(TenantDatabase::connect(&config).await?)
    }

    /// The reference step 1 stored.
    pub fn project_ref(&self) -> Result<&str, StepError> {
        self.tenant().supabase_project_ref.as_deref().ok_or_else(|| {
            StepError::new(
                FailureKind::Internal,
                "project_unknown",
                Owner::Platform,
                "Step 1 is completed but left no project reference; look into control.resources.",
            )
        })
    }

    /// A configured template filled with this tenant's names.
    #[must_use]
    pub fn fill(&self, template: &str) -> String {
        let tenant = self.tenant();
        names::fill(
            template,
            &tenant.slug,
            tenant.tenant_id,
            tenant.supabase_project_ref.as_deref().unwrap_or_default(),
        )
    }

    pub(crate) async fn finish(&self, outcome: &Outcome, next_poll: Duration) -> Result<(), StepError> {
        let effect = match outcome {
            Outcome::Written => return Ok(()),
            Outcome::Waiting { waiting_for } => {
                return held(self.store.step_waiting(self.lease(), self.step, waiting_for, next_poll).await);
            }
            Outcome::Done => StepEffect::None,
            Outcome::Environment { project_ref, url } => StepEffect::Environment { project_ref, url },
            Outcome::Schema { version } => StepEffect::Schema { version: *version },
            Outcome::Graph { name } => StepEffect::Graph { name },
            Outcome::SearchIndex { alias } => StepEffect::SearchIndex { alias },
        };
        held(self.store.complete_step(self.lease(), self.step, effect).await)
    }
}
