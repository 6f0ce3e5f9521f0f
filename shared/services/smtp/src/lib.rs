//! The mail server of invitations, as far as it can be asked without sending a mail: encryption and log-in.
//!
//! Supabase's Auth sends the mails. Like its library (go-gomail/gomail, `smtp.go`) this opens TLS at once at port 465, and
//! otherwise asks for STARTTLS if it is offered; the log-in is PLAIN, or LOGIN where there is no PLAIN. The dialog is our
//! own, because it needs the one TLS configuration, which says whom it does not trust.

#![warn(missing_docs)]

mod error;
mod session;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use secrecy::SecretString;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub use crate::error::Error;
use crate::session::Session;

/// The time limit of the whole dialog.
pub const LIMIT: Duration = Duration::from_secs(10);
/// The port at which a server expects TLS at once.
const TLS_AT_ONCE: u16 = 465;

/// A mail server and a user of it.
#[derive(Clone, Copy, Debug)]
pub struct MailServer<'a> {
    /// Host name.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// User.
    pub username: &'a str,
    /// The user's password.
    pub password: &'a SecretString,
}

/// How a log-in was protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedIn {
    /// By TLS.
    Encrypted,
    /// By nothing, since the server is on this machine.
    InPlain,
}

impl MailServer<'_> {
    /// Logs in, and leaves at once.
    pub async fn log_in(self) -> Result<LoggedIn, Error> {
        timeout(LIMIT, self.dialog()).await.unwrap_or(Err(Error::Timeout))
    }

    async fn dialog(self) -> Result<LoggedIn, Error> {
        let plain = TcpStream::connect((self.host, self.port)).await.map_err(|_| Error::Connect)?;
        if self.port == TLS_AT_ONCE {
            return Session::new(self.encrypted(plain).await?).greeted().await?.encrypted(self).await;
        }
        let mut session = Session::new(plain).greeted().await?;
        if session.hello().await?.starttls {
            session.start_tls().await?;
            return Session::new(self.encrypted(session.into_stream()).await?).encrypted(self).await;
        }
        if !self.is_here() {
            return Err(Error::Unencrypted);
        }
        session.log_in(self).await?;
        Ok(LoggedIn::InPlain)
    }

    async fn encrypted(self, plain: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
        let name = ServerName::try_from(self.host.to_owned()).map_err(|_| Error::Connect)?;
        let config = tls::client_config(tls::Authorities::PUBLIC).map_err(|_| Error::Connect)?;
        let connected = TlsConnector::from(Arc::new(config)).connect(name, plain).await;
        connected.map_err(|error| tls::distrust(&error).map_or(Error::Connect, Error::Untrusted))
    }

    /// Whether the server is on this machine, so that nobody can listen.
    fn is_here(self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}
