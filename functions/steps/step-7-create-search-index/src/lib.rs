//! Step 7: the tenant's knn index with its alias, in the tenant's region.

use std::time::Duration;

use domain::{Failure, Step, names};
use lambda_kit::{AwsActions, AwsResource, Credentials, Grant, Read, needs, settings};
use opensearch::{Dimension, Engine, IndexSpec, OpenSearch};
use secrets::RegionSecret;
use step_kit::{Effect, Lease, Outcome, Work};
use store::{Intent, ResourceKind};

/// Look, create, compare, look again. The rest of the function's 30 s is for secrets and the ledger.
const INDEX_TIMEOUT: Duration = Duration::from_secs(20);

needs! {
    /// Creates the tenant's search index.
    pub struct CreateSearchIndex {
        regions: Read<RegionSecret>,
        credentials: Credentials<SearchActions>,
        index: IndexSettings,
    }
}

settings! {
    /// How a tenant's index is made.
    struct IndexSettings {
        engine: Engine = "KNN_ENGINE" or "faiss",
        dimension: Dimension = "KNN_DIMENSION" or "1536",
        replicas: u8 = "KNN_REPLICAS" or "1",
    }
}

/// What the requests to a region's OpenSearch are signed for.
struct SearchActions;

impl AwsActions for SearchActions {
    const GRANTS: &'static [Grant] = &[
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("client_*") },
        Grant { action: "es:ESHttpPut", on: AwsResource::SearchDomains("client_*") },
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("_alias/client_*") },
        Grant { action: "es:ESHttpPost", on: AwsResource::SearchDomains("_aliases") },
    ];
}

impl Work for CreateSearchIndex {
    const STEP: Step = Step::CreateSearchIndex;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let tenant = lease.tenant();
        let region = self.regions.read_of(tenant.region).await?;
        let opensearch = OpenSearch::of_region(region.opensearch, tenant.region.as_str(), self.credentials.provider())?;
        let (index, alias) = (names::search_index(&tenant.slug), names::search_alias(&tenant.slug));
        let resource = lease.intend_once(Intent::named(ResourceKind::SearchIndex, &index, INDEX_TIMEOUT)).await?;
        let IndexSettings { engine, dimension, replicas } = self.index;
        let spec = IndexSpec { index: &index, alias: &alias, engine, dimension, replicas };
        opensearch.ensure_knn_index(&spec).await?;
        lease.confirm(&resource, &index).await?;
        Ok(Outcome::Completed(Effect { opensearch_alias: Some(alias), ..Effect::NONE }))
    }
}
