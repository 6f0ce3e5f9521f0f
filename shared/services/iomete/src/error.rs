//! The reasons why a catalog is not healthy.

use http_kit::{ConnectError, TransportError};

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
