//! Why a catalog is not healthy.

use http_kit::{ConnectError, TransportError};

/// What a probe found. The texts are for anybody to read: none names a host, an address, a header or a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// No complete answer in time, whether while connecting or while reading.
    #[error("connection timeout")]
    Timeout,
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The host's name has no address.
    #[error("name not resolved")]
    Unresolved,
    /// The certificate is not trusted, or the other side does not speak TLS.
    #[error("TLS handshake failed")]
    Tls,
    /// No connection for another reason, such as no route.
    #[error("connection failed")]
    Unreachable,
    /// The connection ended before the answer did.
    #[error("connection closed")]
    Closed,
    /// Any status but a success: 401 for a token that is not accepted, 503 for an overloaded gateway.
    #[error("HTTP status {0}")]
    Status(u16),
    /// A success that is no catalog's configuration, or is too large to be one.
    #[error("unexpected answer")]
    UnexpectedAnswer,
    /// The configured address is no URL, or the token cannot stand in a header.
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
            TransportError::Connect(ConnectError::Other) => Self::Unreachable,
            TransportError::Broken => Self::Closed,
            TransportError::TooLarge => Self::UnexpectedAnswer,
            TransportError::Unsendable => Self::BadConfiguration,
        }
    }
}
