//! What can go wrong, and what the pipeline makes of it.

use std::time::Duration;

use domain::{Failure, FailureKind, Owner};
use http_kit::{Answer, TransportError};
use serde::Deserialize;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured endpoint is not an `http(s)://host[:port][/path]`.
    #[error("the configured endpoint is not a usable URL")]
    BadEndpoint,
    /// No AWS credentials to sign with, or not in time.
    #[error("no AWS credentials to sign with")]
    NoCredentials,
    /// No answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The credentials are wrong, or do not allow this.
    #[error("the credentials were refused")]
    Unauthorized,
    /// The cluster takes no changes for now: disks full, or a write block.
    #[error("the cluster takes no changes")]
    Blocked,
    /// Too many requests.
    #[error("too many requests")]
    RateLimited {
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
    },
    /// A 5xx.
    #[error("the service is unavailable")]
    Unavailable,
    /// The cluster has as many shards as it may.
    #[error("the cluster has as many shards as it may")]
    ShardLimit,
    /// What bears our names is not what we would create.
    #[error("what is there differs in its {what}")]
    Conflict {
        /// In what it differs.
        what: &'static str,
    },
    /// Any other refusal.
    #[error("the service refused the request")]
    Refused,
    /// An answer of another shape than documented.
    #[error("the answer has an unknown shape")]
    Unexpected,
    /// Everything was accepted, but the alias does not show it.
    #[error("the alias does not lead to the index yet")]
    NotVisible,
}

/// `{"error":{"type","reason"},"status"}`; of a missing alias, and of what AWS puts in front, `error` is a string or absent.
#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    r#type: String,
    reason: Option<String>,
}

/// What a refused `PUT /{index}` means beyond its error.
pub(crate) fn is_already_there(answer: &Answer) -> bool {
    answer.json::<Body>().is_some_and(|body| body.error.r#type == "resource_already_exists_exception")
}

impl Error {
    /// An answer that is no success. The types are as recorded from OpenSearch 2.19.1.
    pub(crate) fn refused(answer: &Answer) -> Self {
        let detail = answer.json::<Body>().map(|body| body.error);
        let (kind, reason) = detail
            .as_ref()
            .map_or(("", ""), |detail| (detail.r#type.as_str(), detail.reason.as_deref().unwrap_or_default()));
        match (answer.status.as_u16(), kind) {
            // 429 is the block that a full disk puts on an index.
            (403 | 429, "cluster_block_exception" | "index_create_block_exception") => Self::Blocked,
            (401 | 403, _) => Self::Unauthorized,
            (429, _) => Self::RateLimited { retry_after: answer.retry_after() },
            (500..=599, _) => Self::Unavailable,
            (400, "validation_exception") if reason.contains("maximum shards open") => Self::ShardLimit,
            // An index bears the alias's name, or an alias the index's.
            (400, "invalid_alias_name_exception") => Self::Conflict { what: "alias" },
            (400, "invalid_index_name_exception") if reason.contains("already exists as alias") => {
                Self::Conflict { what: "name" }
            }
            _ => Self::Refused,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use FailureKind::{Busy, Internal, RateLimited, Rejected, Transient};
        let (kind, code, owner, hint) = match error {
            Error::Transport(error) => return error.failure("opensearch"),
            Error::BadEndpoint => (
                Internal,
                "bad_configuration",
                Owner::Platform,
                "The region's secret has no usable OpenSearch endpoint; correct it.",
            ),
            Error::NoCredentials => (
                Transient,
                "no_credentials",
                Owner::Platform,
                "There were no AWS credentials to sign with; check the function's role if this persists.",
            ),
            Error::Unauthorized => (
                Rejected,
                "unauthorized",
                Owner::Platform,
                "OpenSearch refused our credentials; check user, role mapping and access policy of the region.",
            ),
            Error::Blocked => (
                Transient,
                "blocked",
                Owner::Platform,
                "The OpenSearch cluster takes no changes; check its free disk space and its write blocks.",
            ),
            Error::RateLimited { retry_after } => (
                RateLimited { retry_after },
                "rate_limited",
                Owner::Provider,
                "OpenSearch asks for fewer requests; it is tried again.",
            ),
            Error::Unavailable => (
                Transient,
                "unavailable",
                Owner::Provider,
                "OpenSearch is unavailable; check the cluster's health if this persists.",
            ),
            Error::ShardLimit => (
                Rejected,
                "shard_limit",
                Owner::Quota,
                "The OpenSearch cluster has as many shards as it may; add data nodes or raise cluster.max_shards_per_node.",
            ),
            Error::Conflict { what } => {
                let hint = format!(
                    "An index or alias of the tenant's name exists with another {what}; remove or rename it, \
                    or restore the parameters it was made with."
                );
                return Self::new(Rejected, "opensearch_conflict", Owner::Platform, &hint);
            }
            Error::Refused => (
                Rejected,
                "refused",
                Owner::Platform,
                "OpenSearch refused the index; check KnnEngine, KnnDimension and KnnReplicas against its version and zones.",
            ),
            Error::Unexpected => (
                Rejected,
                "unexpected_answer",
                Owner::Platform,
                "OpenSearch sent an undocumented answer; check that the endpoint is the right one.",
            ),
            Error::NotVisible => (
                Busy,
                "not_visible",
                Owner::Provider,
                "OpenSearch accepted the index but does not show it yet; it is tried again.",
            ),
        };
        Self::new(kind, &format!("opensearch_{code}"), owner, hint)
    }
}
