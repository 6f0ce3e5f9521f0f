//! Step 7: the tenant's knn index with its alias, in the tenant's region.

use std::time::Duration;

use domain::{Failure, Step, names};
use lambda_kit::needs;
use region_search::RegionSearch;
use step_kit::{Effect, Lease, Outcome, Work};
use store::{Intent, ResourceKind};

/// Look, create, compare, look again. The rest of the function's 30 s is for secrets and the ledger.
const INDEX_TIMEOUT: Duration = Duration::from_secs(20);

needs! {
    /// Creates the tenant's search index.
    pub struct CreateSearchIndex {
        search: RegionSearch,
    }
}

impl Work for CreateSearchIndex {
    type Step = Step;
    const STEP: Step = Step::CreateSearchIndex;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let tenant = lease.tenant();
        let opensearch = self.search.of(tenant.region).await?;
        let (index, alias) = (names::search_index(&tenant.slug), names::search_alias(&tenant.slug));
        let resource = lease.intend_once(Intent::named(ResourceKind::SearchIndex, &index, INDEX_TIMEOUT)).await?;
        opensearch.ensure_knn_index(&self.search.spec(&index, &alias)).await?;
        lease.confirm(&resource, &index).await?;
        Ok(Outcome::Completed(Effect { opensearch_alias: Some(alias), ..Effect::NONE }))
    }
}
