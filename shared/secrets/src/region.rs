//! `regions/{region}`: the systems of a residency region.

use domain::Region;
use secrecy::SecretString;
use serde::Deserialize;

use crate::Secret;

/// A residency region's systems.
#[derive(Clone, Debug, Deserialize)]
pub struct RegionSecret {
    /// Its FalkorDB.
    pub falkordb: FalkorDbSecret,
    /// Its OpenSearch.
    pub opensearch: OpenSearchSecret,
}

impl Secret for RegionSecret {
    type Key = Region;
    const NAMES: &'static str = "regions/*";

    fn name(region: &Region) -> String {
        format!("regions/{region}")
    }
}

/// A region's FalkorDB.
#[derive(Clone, Debug, Deserialize)]
pub struct FalkorDbSecret {
    /// `rediss://user:password@host:port`.
    pub url: SecretString,
}

/// A region's OpenSearch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSearchSecret {
    /// `http[s]://host[:port][/path]`.
    pub endpoint: String,
    /// How to authenticate there.
    pub auth: OpenSearchAuth,
}

/// How requests to a region's OpenSearch are authenticated.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum OpenSearchAuth {
    /// As a user of the cluster.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// As the function's role in AWS.
    SigV4 {
        /// Managed clusters or serverless collections.
        service: SigningService,
    },
}

/// The AWS service that a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningService {
    /// Amazon OpenSearch Service.
    Es,
    /// Amazon OpenSearch Serverless.
    Aoss,
}
