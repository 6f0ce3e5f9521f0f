//! The mails and their listing over HTTP.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use simulator::headers;

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

    /// `GET /` shows the mails, `DELETE /` throws them away.
    pub(crate) fn routes(self) -> Router {
        Router::new().route("/", get(list).delete(clear)).with_state(self)
    }
}

/// Which mails are shown, the newest first. A page leads to the next one with a `Link`, as the lists of the API do.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default = "one")]
    limit: usize,
    /// Only the so many mails that came first.
    first: Option<usize>,
}

const fn one() -> usize {
    1
}

/// A browser gets a page to read and to click on, everybody else JSON.
async fn list(State(mails): State<Mails>, Query(page): Query<Page>, headers: HeaderMap) -> Response {
    let mails = mails.0.lock().clone();
    let first = page.first.unwrap_or(mails.len()).min(mails.len());
    let shown: Vec<&Mail> = mails[..first].iter().rev().take(page.limit).collect();
    let older = first - shown.len();
    let next = (older > 0).then(|| format!("/?limit={}&first={older}", page.limit));
    let link = next.iter().map(|next| (header::LINK, format!("<{next}>; rel=\"next\""))).collect::<Vec<_>>();
    if headers::text(&headers, header::ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html")) {
        return (AppendHeaders(link), Html(html(&shown, next.as_deref()))).into_response();
    }
    (AppendHeaders(link), Json(shown)).into_response()
}

fn html(mails: &[&Mail], next: Option<&str>) -> String {
    let mut page =
        String::from("<!doctype html><meta charset=\"utf-8\"><title>Mailbox</title><p><a href=\"/\">Newest</a>");
    if let Some(next) = next {
        let _ = write!(page, " · <a href=\"{}\">Older</a>", escaped(next));
    }
    if mails.is_empty() {
        page.push_str("<p>There is no mail yet.");
    }
    for Mail { from, to, subject, date, body } in mails {
        let [from, to, subject, date, body] = [from, to, subject, date, body].map(|text| escaped(text));
        // Scripts and forms of a mail do not run. A click opens a page as usual.
        let _ = write!(
            page,
            "<h1>{subject}</h1><p>From: {from}<br>To: {to}<br>Date: {date}\
             <iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" style=\"width:100%;height:70vh\" \
             srcdoc=\"&lt;base target=_blank&gt;{body}\"></iframe>"
        );
    }
    page
}

/// A text of HTML, or the value of an attribute in double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn clear(State(mails): State<Mails>) -> StatusCode {
    mails.0.lock().clear();
    StatusCode::NO_CONTENT
}
