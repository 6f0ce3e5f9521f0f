//! A region's OpenSearch, and how a tenant's index is made and looked at there.

#![warn(missing_docs)]

use domain::{Failure, Region};
use lambda_kit::{AwsActions, AwsResource, Credentials, Grant, Read, needs, settings};
pub use opensearch::{Difference, MappingVersion, Seen, SeenAlias};
use opensearch::{Dimension, Engine, IndexSpec, OpenSearch};
use secrets::RegionSecret;

needs! {
    /// The regions' clusters.
    pub struct RegionSearch {
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

needs! {
    /// The regions' clusters, to look at a tenant's index and its alias.
    pub struct RegionSearchLook {
        regions: Read<RegionSecret>,
        credentials: Credentials<LookActions>,
        index: IndexSettings,
    }
}

/// What a look is signed for.
struct LookActions;

impl AwsActions for LookActions {
    const GRANTS: &'static [Grant] = &[
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("client_*") },
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("_alias/client_*") },
    ];
}

impl RegionSearch {
    /// The region's cluster.
    pub async fn of(&self, region: Region) -> Result<OpenSearch, Failure> {
        cluster(&self.regions, region, &self.credentials).await
    }

    /// An index with its alias, as this installation makes them.
    #[must_use]
    pub const fn spec<'a>(&self, index: &'a str, alias: &'a str) -> IndexSpec<'a> {
        self.index.spec(index, alias)
    }
}

impl RegionSearchLook {
    /// What there is of an index and its alias in the region.
    pub async fn seen(&self, region: Region, index: &str, alias: &str) -> Result<Seen, Failure> {
        let cluster = cluster(&self.regions, region, &self.credentials).await?;
        Ok(cluster.look(&self.index.spec(index, alias)).await?)
    }
}

impl IndexSettings {
    const fn spec<'a>(&self, index: &'a str, alias: &'a str) -> IndexSpec<'a> {
        let Self { engine, dimension, replicas } = *self;
        IndexSpec { index, alias, engine, dimension, replicas }
    }
}

async fn cluster<A>(
    regions: &Read<RegionSecret>,
    region: Region,
    credentials: &Credentials<A>,
) -> Result<OpenSearch, Failure> {
    let secret = regions.read_of(region).await?.opensearch;
    Ok(OpenSearch::of_region(secret, region.as_str(), credentials.provider())?)
}
