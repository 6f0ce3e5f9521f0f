//! A mailbox for the local cloud: a real SMTP submission server (RFC 5321, `AUTH PLAIN` and `AUTH LOGIN`) that
//! delivers nowhere. Mails stay in memory and are read over HTTP: `GET /` lists them, `DELETE /` empties the box.
//!
//! It insists on what a relay insists on: no mail without a login, no recipient without a sender, no data without a
//! recipient. TLS is the one thing left out, since both ends are on the loopback.

mod smtp;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use secrecy::SecretString;
use serde::Serialize;
use tokio::net::TcpListener;

/// Command line of the mailbox. Port 0 means any free one; everything listens on 127.0.0.1.
#[derive(Debug, Clone, Parser)]
#[command(about = "SMTP server that keeps every mail in memory and shows it over HTTP")]
pub struct Settings {
    /// Port of the HTTP listing.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Port of the SMTP server.
    #[arg(long, default_value_t = 0)]
    pub smtp_port: u16,
    /// The one user who may send.
    #[arg(long, default_value = "mailbox")]
    pub user: String,
    /// That user's password. From the environment, so that it does not show in the process list.
    #[arg(long, env = "MAILBOX_PASSWORD", hide_env_values = true)]
    pub password: SecretString,
}

/// One accepted mail for one recipient. A mail to several recipients is kept once for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mail {
    /// The `From` header, or the envelope's sender where there is none.
    pub from: String,
    /// The envelope's recipient: a bare address.
    pub to: String,
    /// The `Subject` header as sent, undecoded.
    pub subject: String,
    /// The `Date` header as sent.
    pub date: String,
    /// Everything after the headers, as sent, with CRLF line ends and without the dots that SMTP adds.
    pub body: String,
}

/// The mails accepted so far, oldest first. Clones share the same box.
#[derive(Debug, Clone, Default)]
pub struct Mails(Arc<Mutex<Vec<Mail>>>);

impl Mails {
    /// Every mail, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Throws every mail away.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn deliver(&self, mails: impl IntoIterator<Item = Mail>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(mails);
    }
}

/// A mailbox whose two ports are bound.
#[derive(Debug)]
pub struct Mailbox {
    settings: Settings,
    http: TcpListener,
    smtp: TcpListener,
    mails: Mails,
}

impl Mailbox {
    /// Binds both ports on 127.0.0.1. Connections wait in the backlog until [`Mailbox::serve`] runs.
    pub async fn bind(settings: Settings) -> std::io::Result<Self> {
        let http = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
        let smtp = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.smtp_port)).await?;
        Ok(Self { settings, http, smtp, mails: Mails::default() })
    }

    /// Where the listing is.
    pub fn http_address(&self) -> std::io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// Where mails are accepted.
    pub fn smtp_address(&self) -> std::io::Result<SocketAddr> {
        self.smtp.local_addr()
    }

    /// The box itself, shared with the server.
    #[must_use]
    pub fn mails(&self) -> Mails {
        self.mails.clone()
    }

    /// Serves both ports until one of the listeners breaks.
    pub async fn serve(self) -> std::io::Result<()> {
        let listing = Router::new().route("/", get(list).delete(clear)).with_state(self.mails.clone());
        tokio::select! {
            ended = axum::serve(self.http, listing).into_future() => ended,
            ended = smtp::serve(self.smtp, self.settings, self.mails) => ended,
        }
    }
}

async fn list(State(mails): State<Mails>) -> Json<Vec<Mail>> {
    Json(mails.all())
}

async fn clear(State(mails): State<Mails>) -> StatusCode {
    mails.clear();
    StatusCode::NO_CONTENT
}
