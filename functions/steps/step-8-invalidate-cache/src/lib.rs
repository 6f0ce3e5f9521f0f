//! Step 8: the middleware's cache holds no outdated entry of the tenant.

use std::time::Duration;

use domain::{Failure, Step};
use lambda_kit::needs;
use step_kit::{Lease, Outcome, Work};
use tenant_cache::{CacheSettings, TenantCache};

/// A connection and a few `UNLINK`s.
const UNLINK_TIMEOUT: Duration = Duration::from_secs(15);

needs! {
    /// Removes the tenant's cache entries.
    pub struct InvalidateCache {
        cache: TenantCache,
        keys: CacheSettings,
    }
}

impl Work for InvalidateCache {
    type Step = Step;
    const STEP: Step = Step::InvalidateCache;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        lease.fence(UNLINK_TIMEOUT).await?;
        self.cache.remove(&self.keys.entries(lease.tenant())).await?;
        Ok(Outcome::DONE)
    }
}
