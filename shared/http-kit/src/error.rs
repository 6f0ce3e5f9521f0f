//! Transport errors, named by what happened.

use std::error::Error;
use std::io::{self, ErrorKind};

use domain::{CauseCode, Failure};
use tls::Distrust;

/// Why a connection could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// It was not open within the time limit for opening one. If the limit of the whole call ends first, the error is
    /// [`TransportError::Timeout`].
    #[error("not opened in time")]
    Timeout,
    /// No server listens at the address.
    #[error("refused")]
    Refused,
    /// The host's name has no address, or the name servers did not answer.
    #[error("name not resolved")]
    Unresolved,
    /// The other side does not speak TLS or ended the handshake. If it is not trusted, the error is
    /// [`TransportError::Untrusted`].
    #[error("TLS handshake failed")]
    Tls,
    /// Another reason, such as no route.
    #[error("failed")]
    Other,
}

impl ConnectError {
    fn of(error: &reqwest::Error) -> Self {
        if error.is_dns() {
            Self::Unresolved
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            let found = tls::causes(error).find_map(Self::of_source).unwrap_or(Self::Other);
            // Without TLS there is no handshake: the connection was reset right after it was opened.
            let plain = error.url().is_some_and(|url| url.scheme() == "http");
            if plain && found == Self::Tls { Self::Other } else { found }
        }
    }

    fn of_source(error: &(dyn Error + 'static)) -> Option<Self> {
        if error.is::<rustls::Error>() {
            return Some(Self::Tls);
        }
        match error.downcast_ref::<io::Error>()?.kind() {
            ErrorKind::ConnectionRefused => Some(Self::Refused),
            // An open connection can only break during its handshake.
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => Some(Self::Tls),
            _ => None,
        }
    }
}

/// What went wrong if there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// There was no connection. The request was not sent.
    #[error("no connection ({0})")]
    Connect(ConnectError),
    /// The other side is not trusted. The request was not sent.
    #[error("the other side is not trusted: {0}")]
    Untrusted(Distrust),
    /// No answer in time: the request may have had its effect.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after the request was sent: it may have had its effect.
    #[error("the connection broke")]
    Broken,
    /// An answer of more bytes than [`MAX_BODY`](crate::MAX_BODY), or than the caller allows.
    #[error("the answer is too large")]
    TooLarge,
    /// The request could not be built: its URL or a header's value is not valid.
    #[error("the request could not be built")]
    Unsendable,
}

impl TransportError {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::Unsendable
        } else if let Some(distrust) = tls::distrust(error) {
            Self::Untrusted(distrust)
        } else if error.is_connect() {
            Self::Connect(ConnectError::of(error))
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Broken
        }
    }

    /// Whether the other side may have acted on the request.
    #[must_use]
    pub const fn may_have_had_effect(&self) -> bool {
        match self {
            Self::Timeout | Self::Broken | Self::TooLarge => true,
            Self::Connect(_) | Self::Untrusted(_) | Self::Unsendable => false,
        }
    }

    /// This error as a failure, with the codes of the other side.
    #[must_use]
    pub fn failure(&self, codes: &TransportCodes) -> Failure {
        match self {
            Self::Connect(_) => codes.unreachable,
            Self::Untrusted(distrust) => return Failure::with_detail(codes.untrusted, distrust.to_string()),
            Self::Timeout => codes.timeout,
            Self::Broken => codes.connection_lost,
            Self::TooLarge => codes.answer_too_large,
            Self::Unsendable => codes.bad_configuration,
        }
        .into()
    }
}

/// The codes of one system's transport errors.
#[derive(Clone, Copy, Debug)]
pub struct TransportCodes {
    /// There is no connection.
    pub unreachable: CauseCode,
    /// The other side is not trusted. The hint's detail says why.
    pub untrusted: CauseCode,
    /// There was no answer in time.
    pub timeout: CauseCode,
    /// The connection broke before the answer was complete.
    pub connection_lost: CauseCode,
    /// The answer is larger than any that is documented.
    pub answer_too_large: CauseCode,
    /// The configured address or credential cannot be used in a request.
    pub bad_configuration: CauseCode,
}
