//! The installation's rules for purges.

use domain::{Retrieval, TenantId, Tier};
use jiff::Timestamp;
use lambda_kit::settings;
use store::{Reader, StoreError};

settings! {
    /// When a deprovisioned tenant may be purged, and who has to agree.
    pub struct PurgeRules {
        /// The retrieval period, in days after the DELETE.
        pub retrieval_days: u32 = "PURGE_RETRIEVAL_DAYS" or "30",
        /// Whether another consumer always has to approve.
        pub approval: bool = "PURGE_APPROVAL" or "false",
    }
}

impl PurgeRules {
    /// Since when the tenant is deprovisioned, and whether its retrieval period is over. `None`: it is not deprovisioned.
    pub async fn retrieval(
        &self,
        store: &Reader,
        tenant: TenantId,
        tier: Tier,
    ) -> Result<Option<(Timestamp, Retrieval)>, StoreError> {
        let (since, now) = store.deprovisioned_at(tenant).await?;
        Ok(since.map(|since| (since, Retrieval::of(tier, self.retrieval_days, since, now))))
    }

    /// Whether a purge in a period like this needs another consumer.
    #[must_use]
    pub const fn needs_approval(&self, retrieval: Retrieval) -> bool {
        self.approval || matches!(retrieval, Retrieval::Shortened { .. })
    }
}
