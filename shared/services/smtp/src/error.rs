//! The errors of the dialog, and their cause codes. None of them shows a text of the server.

use domain::{CauseCode, Failure};
use tls::Distrust;

/// A dialog that did not end in a log-in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no connection.
    #[error("no connection")]
    Connect,
    /// The server is not trusted. No password was sent.
    #[error("the server is not trusted: {0}")]
    Untrusted(Distrust),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke.
    #[error("the connection broke")]
    Lost,
    /// The server does not accept user and password.
    #[error("the credentials were refused")]
    Unauthorized,
    /// The server offers no encryption. No password was sent.
    #[error("the server offers no encryption")]
    Unencrypted,
    /// The server offers no log-in with a password.
    #[error("the server offers no log-in with a password")]
    NoLogin,
    /// A 4xx: not now.
    #[error("the server cannot serve now")]
    NotReady,
    /// A 5xx: not at all.
    #[error("the server refused")]
    Refused,
    /// An answer that is not SMTP.
    #[error("the answer has an unknown shape")]
    Unexpected,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Untrusted(distrust) => return Self::with_detail(CauseCode::SmtpUntrusted, distrust.to_string()),
            Error::Connect => CauseCode::SmtpUnreachable,
            Error::Timeout => CauseCode::SmtpTimeout,
            Error::Lost => CauseCode::SmtpConnectionLost,
            Error::Unauthorized => CauseCode::SmtpUnauthorized,
            Error::Unencrypted => CauseCode::SmtpUnencrypted,
            Error::NoLogin => CauseCode::SmtpNoLogin,
            Error::NotReady => CauseCode::SmtpNotReady,
            Error::Refused => CauseCode::SmtpRefused,
            Error::Unexpected => CauseCode::SmtpUnexpectedAnswer,
        }
        .into()
    }
}
