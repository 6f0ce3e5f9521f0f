//! Errors between us and the server. None of them shows a text of the server.

use std::fmt;

use domain::{CauseCode, Failure};
use redis::{ErrorKind, RedisError, ServerErrorKind};
use tls::Distrust;

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured URL is not `redis://` or `rediss://`, or not a URL at all.
    #[error("the configured URL is not one of a server with the Redis protocol")]
    BadUrl,
    /// There is no connection: refused, unknown host, TLS failed, or not opened in time. The command was never sent.
    #[error("no connection")]
    Connect,
    /// The server is not trusted. Nothing was sent to it.
    #[error("the server is not trusted: {0}")]
    Untrusted(Distrust),
    /// No answer in time: the command may have had its effect.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after the command was sent: it may have had its effect.
    #[error("the connection broke")]
    Lost,
    /// The user or the password is wrong.
    #[error("the credentials were refused")]
    Unauthorized,
    /// The user may not send this command, or not with these keys.
    #[error("the user may not send the command")]
    NotPermitted,
    /// The server cannot serve for now: loading, failing over, out of memory or of connections.
    #[error("the server is not ready")]
    NotReady,
    /// The server understood the command and refused it.
    #[error("the server refused the command")]
    Refused(Reply),
    /// An answer of another shape than documented.
    #[error("the answer has an unknown shape")]
    Unexpected,
}

impl Error {
    /// The server's text, if it refused the command.
    #[must_use]
    pub fn refusal(&self) -> Option<&Reply> {
        match self {
            Self::Refused(reply) => Some(reply),
            Self::BadUrl
            | Self::Connect
            | Self::Untrusted(_)
            | Self::Timeout
            | Self::Lost
            | Self::Unauthorized
            | Self::NotPermitted
            | Self::NotReady
            | Self::Unexpected => None,
        }
    }

    /// Whether the connection cannot be used any more after this error. After a time-out, the next answer would be the
    /// late one of this command. A server that is not ready may have become a replica, and its name may lead to another
    /// server by now.
    pub(crate) fn spoils_connection(&self) -> bool {
        match self {
            Self::Timeout | Self::Lost | Self::NotReady | Self::Unexpected => true,
            Self::BadUrl
            | Self::Connect
            | Self::Untrusted(_)
            | Self::Unauthorized
            | Self::NotPermitted
            | Self::Refused(_) => false,
        }
    }

    /// This error as a failure, with the server's codes.
    #[must_use]
    pub fn failure(&self, codes: &Codes) -> Failure {
        match self {
            Self::BadUrl => codes.bad_configuration,
            Self::Connect => codes.unreachable,
            Self::Untrusted(distrust) => return Failure::with_detail(codes.untrusted, distrust.to_string()),
            Self::Timeout => codes.timeout,
            Self::Lost => codes.connection_lost,
            Self::Unauthorized | Self::NotPermitted => codes.unauthorized,
            Self::NotReady => codes.not_ready,
            Self::Refused(_) => codes.refused,
            Self::Unexpected => codes.unexpected_answer,
        }
        .into()
    }
}

/// The codes of one server's errors.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    /// The configured URL cannot be used.
    pub bad_configuration: CauseCode,
    /// There is no connection.
    pub unreachable: CauseCode,
    /// The server is not trusted. The hint's detail says why.
    pub untrusted: CauseCode,
    /// There was no answer in time.
    pub timeout: CauseCode,
    /// The connection broke.
    pub connection_lost: CauseCode,
    /// The credentials were refused.
    pub unauthorized: CauseCode,
    /// The server cannot serve for now.
    pub not_ready: CauseCode,
    /// The server refused the command.
    pub refused: CauseCode,
    /// The answer has an unknown shape.
    pub unexpected_answer: CauseCode,
}

impl From<&RedisError> for Error {
    fn from(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::InvalidClientConfig => Self::BadUrl,
            // The library reports any refusal of AUTH in this way, too.
            ErrorKind::AuthenticationFailed => Self::Unauthorized,
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::NotPermitted,
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain,
            ) => Self::NotReady,
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Unexpected,
            ErrorKind::Io | ErrorKind::Client => Self::Lost,
            // The other errors are recognized by their first word. The library's enum is open, so a wildcard is needed.
            _ => match error.code() {
                Some("NOAUTH" | "WRONGPASS") => Self::Unauthorized,
                Some("OOM" | "MISCONF" | "BUSY") => Self::NotReady,
                _ => Self::refused(error),
            },
        }
    }
}

impl Error {
    fn refused(error: &RedisError) -> Self {
        // The library takes the first word for a code, even if it is not one: "Constraint already exists".
        let words = [error.code(), error.detail()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        if words.contains("max number of clients reached") {
            return Self::NotReady;
        }
        Self::Refused(Reply(words))
    }
}

/// The server's text. It can be compared but is never shown, because it may repeat what was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply(String);

impl Reply {
    /// Whether the server's text contains this.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        self.0.contains(words)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(..)")
    }
}
