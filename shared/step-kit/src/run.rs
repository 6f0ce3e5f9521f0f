//! One invocation of one step, under the tenant's lease.

use std::borrow::Cow;
use std::ops::Deref;
use std::time::Duration;

use domain::{Failure, FailureKind, Step, names};
use secrets::{Name, Secrets, SupabaseSecret, TenantSecret};
use store::{Activation, StepEffect};
use tenant_lease::{Held, written};

use crate::StepError;

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

/// One invocation of one step: everything done under the tenant's lease, which is also what [`Held`] offers, and what
/// only steps do.
pub struct Run<'a> {
    pub(crate) step: Step,
    pub(crate) held: Held<'a>,
    pub(crate) begun_for: Duration,
    pub(crate) secrets: &'a Secrets,
}

impl<'a> Deref for Run<'a> {
    type Target = Held<'a>;

    fn deref(&self) -> &Held<'a> {
        &self.held
    }
}

impl Run<'_> {
    /// How long ago the step was first begun in this attempt, by the database's clock.
    #[must_use]
    pub const fn begun_for(&self) -> Duration {
        self.begun_for
    }

    /// The environment is gone for good: its ledger row dies and step 1 starts over with the next attempt.
    pub async fn environment_dead(&self) -> Result<(), StepError> {
        Ok(written(self.store().environment_dead(self.lease()).await)?)
    }

    /// Step 9's transaction. False: the tier is not the one that was billed any more, or the lease lapsed.
    pub async fn activate(&self, activation: Activation<'_>) -> Result<bool, StepError> {
        Ok(self.store().activate(self.lease(), activation).await?)
    }

    /// Whether a step was ever begun for this tenant, in any attempt.
    pub async fn ever_begun(&self, step: Step) -> Result<bool, StepError> {
        Ok(self.store().step_ever_begun(self.tenant().tenant_id, step).await?)
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
                let waiting = self.store().step_waiting(self.lease(), self.step, waiting_for, next_poll);
                return Ok(written(waiting.await)?);
            }
            Outcome::Done => StepEffect::None,
            Outcome::Environment { project_ref, url } => StepEffect::Environment { project_ref, url },
            Outcome::Schema { version } => StepEffect::Schema { version: *version },
            Outcome::Graph { name } => StepEffect::Graph { name },
            Outcome::SearchIndex { alias } => StepEffect::SearchIndex { alias },
        };
        Ok(written(self.store().complete_step(self.lease(), self.step, effect).await)?)
    }
}
