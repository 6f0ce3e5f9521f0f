//! Step 7: the tenant's knn index with its alias, in the tenant's region.

use std::time::Duration;

use domain::{Failure, FailureKind, Owner, Step, names};
use opensearch::{Engine, IndexSpec};
use secrets::{Name, SdkConfig, Secrets};
use serde::Deserialize;
use step_kit::{Outcome, Platform, Run, StepError, Work, setting};
use store::{Intent, ResourceKind};

/// Look, create, compare, look again; leaves the rest of the function's 30 s for secrets and the ledger.
const INDEX_TIMEOUT: Duration = Duration::from_secs(20);

/// The step.
pub struct CreateSearchIndex {
    sdk: SdkConfig,
    secrets: Secrets,
    engine: Engine,
    dimension: u16,
    replicas: u8,
}

/// What this step reads of the secret `regions/{region}`.
#[derive(Deserialize)]
struct RegionSecret {
    opensearch: opensearch::Config,
}

impl CreateSearchIndex {
    /// Built from `KNN_ENGINE`, `KNN_DIMENSION`, `KNN_REPLICAS`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self {
            sdk: platform.sdk.clone(),
            secrets: platform.secrets.clone(),
            engine: setting("KNN_ENGINE", "faiss").parse().map_err(|_| misconfigured())?,
            dimension: setting("KNN_DIMENSION", "1536").parse().map_err(|_| misconfigured())?,
            replicas: setting("KNN_REPLICAS", "1").parse().map_err(|_| misconfigured())?,
        })
    }
}

impl Work for CreateSearchIndex {
    const STEP: Step = Step::CreateSearchIndex;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let tenant = run.tenant();
        let region: RegionSecret = self.secrets.read(Name::Region(tenant.region)).await?;
        let credentials = self.sdk.credentials_provider().ok_or_else(misconfigured)?;
        let opensearch = region.opensearch.client(tenant.region.as_str(), &credentials)?;
        let (index, alias) = (names::search_index(&tenant.slug), names::search_alias(&tenant.slug));
        let intent = Intent {
            kind: ResourceKind::SearchIndex,
            name: &index,
            request: None,
            idempotency_key: None,
            call: INDEX_TIMEOUT,
        };
        let resource = run.intend_again(intent).await?;
        let spec = IndexSpec {
            index: &index,
            alias: &alias,
            engine: self.engine,
            dimension: self.dimension,
            replicas: self.replicas,
        };
        opensearch.ensure_knn_index(&spec).await?;
        run.confirm(&resource, &index, None).await?;
        Ok(Outcome::SearchIndex { alias })
    }
}

fn misconfigured() -> Failure {
    Failure::new(
        FailureKind::Internal,
        "search_misconfigured",
        Owner::Platform,
        "KnnEngine must be faiss or lucene, KnnDimension 1 to 16000, KnnReplicas 0 to 255, and the function must have a role.",
    )
}
