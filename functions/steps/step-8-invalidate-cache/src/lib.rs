//! Step 8: nothing stale about the tenant is left in the middleware's cache.

use std::time::Duration;

use domain::{Failure, Step};
use outbox::cache_keys;
use secrets::Secrets;
use step_kit::{Outcome, Platform, Run, StepError, Work};

/// A connection and a few `UNLINK`s.
const UNLINK_TIMEOUT: Duration = Duration::from_secs(15);

/// The step.
pub struct InvalidateCache {
    secrets: Secrets,
}

impl InvalidateCache {
    /// Built from the secrets and `TENANT_CACHE_KEYS`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { secrets: platform.secrets.clone() })
    }
}

impl Work for InvalidateCache {
    const STEP: Step = Step::InvalidateCache;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        run.fence(UNLINK_TIMEOUT).await?;
        outbox::unlink(&self.secrets, &cache_keys(run.tenant())).await?;
        Ok(Outcome::Done)
    }
}
