//! The reasons why a catalog is not healthy, and why a call of it failed.

use domain::{CauseCode, Failure};
use http_kit::{Answer, ConnectError, TransportCodes, TransportError};

/// Why a probe failed. The texts are public, so none contains a host, an address, a header or a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// There was no complete answer in time.
    #[error("connection timeout")]
    Timeout,
    /// Nothing listens at the address.
    #[error("connection refused")]
    Refused,
    /// The host's name has no address.
    #[error("name not resolved")]
    Unresolved,
    /// The server does not speak TLS.
    #[error("TLS handshake failed")]
    Tls,
    /// The server's certificate is not trusted.
    #[error("certificate not trusted")]
    Untrusted,
    /// There was no connection for another reason, e.g. no route.
    #[error("connection failed")]
    Unreachable,
    /// The connection ended before the answer did.
    #[error("connection closed")]
    Closed,
    /// Any status other than a success, e.g. 401 for a token that is not accepted, or 503 for an overloaded gateway.
    #[error("HTTP status {0}")]
    Status(u16),
    /// A success that is not a catalog's configuration, or is too large to be one.
    #[error("unexpected answer")]
    UnexpectedAnswer,
    /// The configured address is not a URL, or the token cannot be part of a header.
    #[error("bad configuration")]
    BadConfiguration,
}

impl From<TransportError> for ProbeError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Timeout | TransportError::Connect(ConnectError::Timeout) => Self::Timeout,
            TransportError::Connect(ConnectError::Refused) => Self::Refused,
            TransportError::Connect(ConnectError::Unresolved) => Self::Unresolved,
            TransportError::Connect(ConnectError::Tls) => Self::Tls,
            TransportError::Untrusted(_) => Self::Untrusted,
            TransportError::Connect(ConnectError::Other) => Self::Unreachable,
            TransportError::Broken => Self::Closed,
            TransportError::TooLarge => Self::UnexpectedAnswer,
            TransportError::Unsendable => Self::BadConfiguration,
        }
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was no answer.
    #[error("IOMETE: {0}")]
    Transport(#[from] TransportError),
    /// The configured address is no URL.
    #[error("IOMETE: the configured address is no URL")]
    BadAddress,
    /// The token is not accepted, or does not allow the call.
    #[error("IOMETE: the token is not accepted")]
    Unauthorized,
    /// Too many calls.
    #[error("IOMETE: too many requests")]
    RateLimited,
    /// A 5xx: also a gateway that is overloaded.
    #[error("IOMETE: the service is unavailable")]
    Unavailable,
    /// A namespace is to be dropped, and something is in it.
    #[error("IOMETE: the namespace is not empty")]
    NotEmpty,
    /// Any other refusal.
    #[error("IOMETE: refused (status {0})")]
    Refused(u16),
    /// A success whose shape is not the specified one.
    #[error("IOMETE: an answer of an unknown shape")]
    Unexpected,
}

impl Error {
    /// The error that an unsuccessful answer stands for. 419: the token has expired.
    pub(crate) fn of(answer: &Answer) -> Self {
        match answer.status.as_u16() {
            401 | 403 | 419 => Self::Unauthorized,
            429 => Self::RateLimited,
            500..=599 => Self::Unavailable,
            status => Self::Refused(status),
        }
    }
}

const TRANSPORT: TransportCodes = TransportCodes {
    unreachable: CauseCode::IometeUnreachable,
    untrusted: CauseCode::IometeUntrusted,
    timeout: CauseCode::IometeTimeout,
    connection_lost: CauseCode::IometeConnectionLost,
    answer_too_large: CauseCode::IometeAnswerTooLarge,
    bad_configuration: CauseCode::IometeBadConfiguration,
};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Transport(error) => return error.failure(&TRANSPORT),
            Error::BadAddress => CauseCode::IometeBadConfiguration,
            Error::Unauthorized => CauseCode::IometeUnauthorized,
            Error::RateLimited => CauseCode::IometeRateLimited,
            Error::Unavailable => CauseCode::IometeUnavailable,
            Error::NotEmpty => CauseCode::IometeNamespaceNotEmpty,
            Error::Refused(_) => CauseCode::IometeRefused,
            Error::Unexpected => CauseCode::IometeUnexpectedAnswer,
        }
        .into()
    }
}
