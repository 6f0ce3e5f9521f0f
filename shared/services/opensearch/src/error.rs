//! The errors of the client, and their cause codes.

use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes, TransportError};
use serde::Deserialize;

/// An error of the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured endpoint is not an `http(s)://host[:port][/path]`.
    #[error("the configured endpoint is not a usable URL")]
    BadEndpoint,
    /// No AWS credentials to sign with, or not in time.
    #[error("no AWS credentials to sign with")]
    NoCredentials,
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The credentials are wrong, or do not allow the request.
    #[error("the credentials were refused")]
    Unauthorized,
    /// The cluster accepts no changes now: its disks are full, or it has a write block.
    #[error("the cluster accepts no changes")]
    Blocked,
    /// Too many requests.
    #[error("too many requests")]
    RateLimited,
    /// A 5xx.
    #[error("the service is unavailable")]
    Unavailable,
    /// The cluster has as many shards as it may have.
    #[error("the cluster has as many shards as it may have")]
    ShardLimit,
    /// An index or alias with our names exists, and it is not what we would create.
    #[error("the existing one has another {what}")]
    Conflict {
        /// What is different.
        what: &'static str,
    },
    /// Any other refusal.
    #[error("the service refused the request")]
    Refused,
    /// An answer of another shape than documented.
    #[error("the answer has an unknown shape")]
    Unexpected,
    /// Every request was accepted, but the alias does not show the index yet.
    #[error("the alias does not lead to the index yet")]
    NotVisible,
}

/// `{"error":{"type","reason"},"status"}`. For a missing alias, and in answers of AWS's proxy, `error` is a string or
/// absent.
#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    r#type: String,
    reason: Option<String>,
}

/// Whether a `PUT /{index}` was refused because the index exists.
pub(crate) fn is_already_there(answer: &Answer) -> bool {
    answer.json::<Body>().is_some_and(|body| body.error.r#type == "resource_already_exists_exception")
}

impl Error {
    /// The error that an unsuccessful answer stands for. The types are as recorded from OpenSearch 2.19.1.
    pub(crate) fn refused(answer: &Answer) -> Self {
        let detail = answer.json::<Body>().map(|body| body.error);
        let (kind, reason) = detail
            .as_ref()
            .map_or(("", ""), |detail| (detail.r#type.as_str(), detail.reason.as_deref().unwrap_or_default()));
        match (answer.status.as_u16(), kind) {
            // 429 is the block that a full disk puts on an index.
            (403 | 429, "cluster_block_exception" | "index_create_block_exception") => Self::Blocked,
            (401 | 403, _) => Self::Unauthorized,
            (429, _) => Self::RateLimited,
            (500..=599, _) => Self::Unavailable,
            (400, "validation_exception") if reason.contains("maximum shards open") => Self::ShardLimit,
            // An index has the alias's name, or an alias has the index's name.
            (400, "invalid_alias_name_exception") => Self::Conflict { what: "alias" },
            (400, "invalid_index_name_exception") if reason.contains("already exists as alias") => {
                Self::Conflict { what: "name" }
            }
            _ => Self::Refused,
        }
    }
}

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::OpenSearchUnreachable,
    untrusted: CauseCode::OpenSearchUntrusted,
    timeout: CauseCode::OpenSearchTimeout,
    connection_lost: CauseCode::OpenSearchConnectionLost,
    answer_too_large: CauseCode::OpenSearchAnswerTooLarge,
    bad_configuration: CauseCode::OpenSearchBadConfiguration,
};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Transport(error) => return error.failure(&TRANSPORT),
            Error::Conflict { what } => return Self::with_detail(CauseCode::OpenSearchConflict, what),
            Error::BadEndpoint => CauseCode::OpenSearchBadConfiguration,
            Error::NoCredentials => CauseCode::OpenSearchNoCredentials,
            Error::Unauthorized => CauseCode::OpenSearchUnauthorized,
            Error::Blocked => CauseCode::OpenSearchBlocked,
            Error::RateLimited => CauseCode::OpenSearchRateLimited,
            Error::Unavailable => CauseCode::OpenSearchUnavailable,
            Error::ShardLimit => CauseCode::OpenSearchShardLimit,
            Error::Refused => CauseCode::OpenSearchRefused,
            Error::Unexpected => CauseCode::OpenSearchUnexpectedAnswer,
            Error::NotVisible => CauseCode::OpenSearchNotVisible,
        }
        .into()
    }
}
