//! `GET /v1/console`: the console, a page for people. It is the same for everybody and holds no data: what it shows, it asks
//! the API for with the credential that its reader types.

mod document;

use std::sync::LazyLock;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Preconditions, Problem, Request};
use lambda_kit::needs;

use document::Document;

static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::new);

/// What a browser has to keep to, besides the policy of the content. Nobody may frame the page, read it from another site, or
/// learn from a link where it was.
const HEADERS: [(&str, &str); 8] = [
    // A new release is seen at once, and an old page is not sent twice.
    ("cache-control", "no-cache"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), clipboard-write=(self), geolocation=(), microphone=(), payment=(), usb=()"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
    // For browsers that do not know `frame-ancestors`.
    ("x-frame-options", "DENY"),
];

needs! {
    /// Answers with the console.
    pub struct GetConsole;
}

impl Handler for GetConsole {
    const ROUTE: Route = routes::GET_CONSOLE;
    type Input = Preconditions;

    async fn handle(
        &self,
        _: &Request,
        Preconditions(conditions): Preconditions,
        _: Budget,
    ) -> Result<Answer, Problem> {
        let Document { text, policy, version } = &*DOCUMENT;
        let answer = Answer::page(text).of_version(*version, &conditions)?;
        let answer = answer.with_header("content-security-policy", policy.clone());
        // A 304 has them too: a browser takes them for what it has kept.
        Ok(HEADERS.iter().fold(answer, |answer, (name, value)| answer.with_header(name, (*value).to_owned())))
    }
}
