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

needs! {
    /// The regions' clusters, of which aliases are taken from their indices.
    pub struct RegionAliases {
        regions: Read<RegionSecret>,
        credentials: Credentials<AliasActions>,
        index: IndexSettings,
    }
}

needs! {
    /// The regions' clusters, of which indices are deleted.
    pub struct RegionIndices {
        regions: Read<RegionSecret>,
        credentials: Credentials<RemovalActions>,
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

/// The same, for taking an alias from its index.
struct AliasActions;

impl AwsActions for AliasActions {
    const GRANTS: &'static [Grant] = &[
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("client_*") },
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("_alias/client_*") },
        Grant { action: "es:ESHttpPost", on: AwsResource::SearchDomains("_aliases") },
    ];
}

/// The same, for deleting an index.
struct RemovalActions;

impl AwsActions for RemovalActions {
    const GRANTS: &'static [Grant] = &[
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("client_*") },
        Grant { action: "es:ESHttpGet", on: AwsResource::SearchDomains("_alias/client_*") },
        Grant { action: "es:ESHttpDelete", on: AwsResource::SearchDomains("client_*") },
    ];
}

/// What all handles of clusters can do.
macro_rules! clusters {
    ($($handle:ident),+) => {
        $(impl $handle {
            /// The region's cluster.
            pub async fn of(&self, region: Region) -> Result<OpenSearch, Failure> {
                let secret = self.regions.read_of(region).await?.opensearch;
                Ok(OpenSearch::of_region(secret, region.as_str(), self.credentials.provider())?)
            }

            /// An index with its alias, as this installation makes them.
            #[must_use]
            pub const fn spec<'a>(&self, index: &'a str, alias: &'a str) -> IndexSpec<'a> {
                let IndexSettings { engine, dimension, replicas } = self.index;
                IndexSpec { index, alias, engine, dimension, replicas }
            }
        })+
    };
}

clusters!(RegionSearch, RegionSearchLook, RegionAliases, RegionIndices);

impl RegionSearchLook {
    /// What there is of an index and its alias in the region.
    pub async fn seen(&self, region: Region, index: &str, alias: &str) -> Result<Seen, Failure> {
        Ok(self.of(region).await?.look(&self.spec(index, alias)).await?)
    }
}
