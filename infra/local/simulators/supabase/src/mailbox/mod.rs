//! A mailbox for the local cloud: a real SMTP submission server (RFC 5321, `AUTH PLAIN` and `AUTH LOGIN`) that delivers
//! nowhere. Mails stay in memory; `GET /` on a second port shows the newest and leads to the older ones, `DELETE /` empties
//! the box.
//!
//! It requires what a relay requires: no mail without a login, no recipient without a sender, no data without a
//! recipient. Only TLS is missing, because both ends are on the loopback.

mod mails;
mod settings;
mod smtp;

use std::io;

use simulator::{Port, StandIn};

use self::mails::Mails;
pub use self::settings::Settings;

/// Starts the mailbox: the listing as `http`, the server as `smtp`.
pub async fn start(settings: Settings) -> io::Result<StandIn> {
    let (http, smtp) = (Port::bind(settings.port).await?, Port::bind(settings.smtp_port).await?);
    let mails = Mails::default();
    let url = format!("smtp://{}", smtp.address);
    let server = smtp::serve(smtp.listener, settings, mails.clone());
    Ok(StandIn::default().http("http", http, mails.routes()).server("smtp", url, server))
}
