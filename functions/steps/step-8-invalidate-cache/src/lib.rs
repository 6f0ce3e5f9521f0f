//! Step 8: nothing stale about the tenant is left in the middleware's cache.

use std::time::Duration;

use domain::{Failure, Step};
use secrecy::SecretString;
use secrets::{Name, Secrets};
use serde::Deserialize;
use step_kit::{Outcome, Platform, Run, StepError, Work, cache_keys};
use valkey::Valkey;

/// A few `UNLINK`s.
const UNLINK_TIMEOUT: Duration = Duration::from_secs(10);

/// The step.
pub struct InvalidateCache {
    secrets: Secrets,
}

/// The secret `control/valkey`.
#[derive(Deserialize)]
struct ValkeySecret {
    url: SecretString,
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
        let secret: ValkeySecret = self.secrets.read(Name::Control("valkey")).await?;
        let valkey = Valkey::connect(&secret.url).await?;
        run.fence(UNLINK_TIMEOUT).await?;
        valkey.unlink(&cache_keys(run)).await?;
        Ok(Outcome::Done)
    }
}
