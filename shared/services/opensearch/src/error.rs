//! The errors of the client, and their cause codes.

use aws_signature::NotSigned;
use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes, TransportError};
use serde::Deserialize;

use crate::difference::Difference;

/// An error of the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured endpoint is not an `http(s)://host[:port][/path]`.
    #[error("the configured endpoint is not a usable URL")]
    BadEndpoint,
    /// The configured endpoint is a collection of OpenSearch Serverless.
    #[error("OpenSearch Serverless is not supported")]
    Serverless,
    /// No AWS credentials to sign with, or not in time.
    #[error("no AWS credentials to sign with")]
    NoCredentials,
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The credentials are wrong.
    #[error("the credentials were refused")]
    Unauthorized,
    /// IAM, in front of a managed domain, does not allow the request.
    #[error("the access policy does not allow the request")]
    AccessPolicy,
    /// The security plugin (a managed domain's fine-grained access control) does not allow the request.
    #[error("the user lacks a permission")]
    PermissionMissing,
    /// An operator has blocked changes.
    #[error("the cluster accepts no changes")]
    Blocked,
    /// The cluster blocks new indices or changes by itself, because its disks or its memory are nearly full.
    #[error("the cluster has no room")]
    NoRoom,
    /// Too many requests.
    #[error("too many requests")]
    RateLimited,
    /// A 5xx.
    #[error("the service is unavailable")]
    Unavailable,
    /// The cluster has as many shards as it may have.
    #[error("the cluster has as many shards as it may have")]
    ShardLimit,
    /// The copies of a shard cannot be spread evenly over the cluster's zones.
    #[error("the number of replicas does not fit the cluster's zones")]
    Replicas,
    /// The cluster does not know the settings of a vector index.
    #[error("the cluster has no k-NN plugin")]
    NoKnn,
    /// An index or alias with our names exists, and it is not what we would create.
    #[error("{0}")]
    Conflict(Difference),
    /// There is no index to give an alias to.
    #[error("there is no index of that name")]
    IndexMissing,
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

/// What every refusal of a node repeats.
#[derive(Deserialize)]
struct FromNode {
    status: u16,
}

/// What AWS's proxy answers in front of a domain.
#[derive(Deserialize)]
struct FromProxy {
    #[serde(alias = "Message")]
    message: String,
}

/// Whether IAM refused the request. The other 403s of AWS's proxy are about the signature.
fn is_by_iam(answer: &Answer) -> bool {
    answer.json::<FromProxy>().is_some_and(|body| body.message.contains("is not authorized to perform: es:"))
}

/// Whether a node says that there is no such index or alias. A wrong address is 404 too.
pub(crate) fn is_missing(answer: &Answer) -> bool {
    answer.status == 404 && answer.json::<FromNode>().is_some_and(|refusal| refusal.status == 404)
}

/// Whether a `PUT /{index}` was refused because the index exists.
pub(crate) fn is_already_there(answer: &Answer) -> bool {
    answer.json::<Body>().is_some_and(|body| body.error.r#type == "resource_already_exists_exception")
}

/// Whether a `PUT /{index}` was refused because of nothing but the filter that [`IndexSpec::rehearsed`] adds. It is the
/// last thing that a server reads before it would create the index.
///
/// [`IndexSpec::rehearsed`]: crate::IndexSpec
pub(crate) fn is_only_rehearsed(answer: &Answer) -> bool {
    let is_it = |error: Detail| {
        error.r#type == "illegal_argument_exception"
            && error.reason.is_some_and(|reason| reason.starts_with("failed to parse filter for alias"))
    };
    answer.status == 400 && answer.json::<Body>().is_some_and(|body| is_it(body.error))
}

impl From<NotSigned> for Error {
    fn from(error: NotSigned) -> Self {
        match error {
            NotSigned::NoCredentials => Self::NoCredentials,
            NotSigned::Unsignable => Self::BadEndpoint,
        }
    }
}

impl Error {
    /// The error that an unsuccessful answer stands for. The types are as recorded from OpenSearch 2.19.1; those of the
    /// security plugin, which that node lacks, are from its source (`SecurityFilter`).
    pub(crate) fn refused(answer: &Answer) -> Self {
        let detail = answer.json::<Body>().map(|body| body.error);
        let (kind, reason) = detail
            .as_ref()
            .map_or(("", ""), |detail| (detail.r#type.as_str(), detail.reason.as_deref().unwrap_or_default()));
        match (answer.status.as_u16(), kind) {
            (403, "index_create_block_exception") => Self::NoRoom,
            // A full disk puts this on each index.
            (403 | 429, "cluster_block_exception") if reason.contains("read-only-allow-delete") => Self::NoRoom,
            (403 | 429, "cluster_block_exception") => Self::Blocked,
            (403, "security_exception") => Self::PermissionMissing,
            (403, _) if is_by_iam(answer) => Self::AccessPolicy,
            (401 | 403, _) => Self::Unauthorized,
            (429, _) => Self::RateLimited,
            (500..=599, _) => Self::Unavailable,
            (400, "validation_exception") if reason.contains("maximum shards open") => Self::ShardLimit,
            (400, "validation_exception") if reason.contains("awareness attributes") => Self::Replicas,
            (400, "illegal_argument_exception") if reason.starts_with("unknown setting [index.knn]") => Self::NoKnn,
            // An index has the alias's name, or an alias has the index's name.
            (400, "invalid_alias_name_exception") => Self::Conflict(Difference::AliasIsIndex),
            (400, "invalid_index_name_exception") if reason.contains("already exists as alias") => {
                Self::Conflict(Difference::IndexIsAlias)
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
            Error::Conflict(difference) => {
                return Self::with_detail(CauseCode::OpenSearchConflict, difference.to_string());
            }
            Error::BadEndpoint => CauseCode::OpenSearchBadConfiguration,
            Error::NoCredentials => CauseCode::OpenSearchNoCredentials,
            Error::Serverless => CauseCode::OpenSearchServerless,
            Error::Unauthorized => CauseCode::OpenSearchUnauthorized,
            Error::AccessPolicy => CauseCode::OpenSearchAccessPolicy,
            Error::PermissionMissing => CauseCode::OpenSearchPermissionMissing,
            Error::Blocked => CauseCode::OpenSearchBlocked,
            Error::NoRoom => CauseCode::OpenSearchNoRoom,
            Error::RateLimited => CauseCode::OpenSearchRateLimited,
            Error::Unavailable => CauseCode::OpenSearchUnavailable,
            Error::ShardLimit => CauseCode::OpenSearchShardLimit,
            Error::Replicas => CauseCode::OpenSearchReplicas,
            Error::NoKnn => CauseCode::OpenSearchNoKnn,
            Error::IndexMissing => CauseCode::SearchIndexGone,
            Error::Refused => CauseCode::OpenSearchRefused,
            Error::Unexpected => CauseCode::OpenSearchUnexpectedAnswer,
            Error::NotVisible => CauseCode::OpenSearchNotVisible,
        }
        .into()
    }
}
