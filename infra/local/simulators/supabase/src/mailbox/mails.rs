//! The mails and their listing over HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::Serialize;

/// A mail to one recipient. A mail to several recipients is kept once for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Mail {
    /// The `From` header, or the envelope's sender if there is none.
    from: String,
    /// The envelope's recipient: a bare address.
    to: String,
    /// The `Subject` header as sent, undecoded.
    subject: String,
    /// The `Date` header as sent.
    date: String,
    /// Everything after the headers, as sent, with CRLF line ends and without the dots that SMTP adds.
    body: String,
}

impl Mail {
    /// Reads the text that `DATA` brought.
    pub(crate) fn new(sender: &str, to: String, text: &str) -> Self {
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        // A line that starts with white space continues the header before it (RFC 5322 2.2.3).
        let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
        let header = |name: &str| {
            let mut fields = unfolded.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        Self {
            from: header("From").unwrap_or_else(|| sender.to_owned()),
            to,
            subject: header("Subject").unwrap_or_default(),
            date: header("Date").unwrap_or_default(),
            body: body.to_owned(),
        }
    }
}

/// The mails accepted so far, oldest first. Clones share the same box.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mails(Arc<Mutex<Vec<Mail>>>);

impl Mails {
    pub(crate) fn deliver(&self, mails: impl IntoIterator<Item = Mail>) {
        self.0.lock().extend(mails);
    }

    /// `GET /` lists the mails, `DELETE /` throws them away.
    pub(crate) fn routes(self) -> Router {
        Router::new().route("/", get(list).delete(clear)).with_state(self)
    }
}

async fn list(State(mails): State<Mails>) -> Json<Vec<Mail>> {
    Json(mails.0.lock().clone())
}

async fn clear(State(mails): State<Mails>) -> StatusCode {
    mails.0.lock().clear();
    StatusCode::NO_CONTENT
}
