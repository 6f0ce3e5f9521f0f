//! A typed client for the control API.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

pub use crate::api::{
    Action, Answer, Call, CallLog, HeaderMatch, Held, Match, On, Ready, Rule, RuleId, RuleStatus, UpstreamKind,
    UpstreamState, UpstreamStatus, When,
};
use crate::api::{Made, Refusal, SetState};
use crate::postgres::replies;

/// How often [`Client::wait_held`] asks.
const POLL: Duration = Duration::from_millis(10);

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The proxy cannot be reached, or something else answers.
    #[error("the fault proxy does not answer: {0}")]
    Http(#[from] reqwest::Error),
    /// The proxy refused the request.
    #[error("{status}: {reason}")]
    Refused {
        /// The answer's status.
        status: reqwest::StatusCode,
        /// Why it was refused.
        reason: String,
    },
    /// Nothing was held in the given time.
    #[error("rule {rule} held nothing within {within:?}")]
    NothingHeld {
        /// The rule.
        rule: RuleId,
        /// How long the client waited.
        within: Duration,
    },
}

/// A client of one running proxy. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    /// `base` is the control API's address, e.g. `http://127.0.0.1:4000`.
    pub fn new(base: impl Into<String>) -> Result<Self, ClientError> {
        // The HTTP client needs a TLS provider even though it never uses it.
        tls::install_provider();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { base: base.into().trim_end_matches('/').to_owned(), http })
    }

    /// The client of the proxy that printed this line.
    pub fn of(ready: &Ready) -> Result<Self, ClientError> {
        Self::new(format!("http://{}", ready.control))
    }

    /// Makes a rule.
    pub async fn add(&self, rule: &Rule) -> Result<RuleId, ClientError> {
        let made: Made = self.post("/rules", rule).await?.json().await?;
        Ok(made.id)
    }

    /// All rules, oldest first.
    pub async fn rules(&self) -> Result<Vec<RuleStatus>, ClientError> {
        self.get("/rules").await
    }

    /// Removes a rule and releases what it holds.
    pub async fn remove(&self, rule: RuleId) -> Result<(), ClientError> {
        self.delete(&format!("/rules/{rule}")).await
    }

    /// Removes all rules and releases what they hold.
    pub async fn remove_all(&self) -> Result<(), ClientError> {
        self.delete("/rules").await
    }

    /// The calls to all upstreams or to one, since the log was cleared.
    pub async fn log(&self, upstream: Option<&str>) -> Result<CallLog, ClientError> {
        let request = self.request(Method::GET, "/log").query(&[("upstream", upstream)]);
        Ok(send(request).await?.json().await?)
    }

    /// Clears the log.
    pub async fn clear_log(&self) -> Result<(), ClientError> {
        self.delete("/log").await
    }

    /// The connections held, oldest first.
    pub async fn held(&self) -> Result<Vec<Held>, ClientError> {
        self.get("/held").await
    }

    /// Waits until a rule holds a connection, and returns the one that has been held longest.
    pub async fn wait_held(&self, rule: RuleId, within: Duration) -> Result<Held, ClientError> {
        let end = Instant::now() + within;
        loop {
            if let Some(held) = self.held().await?.into_iter().find(|held| held.rule == rule) {
                return Ok(held);
            }
            if Instant::now() >= end {
                return Err(ClientError::NothingHeld { rule, within });
            }
            sleep(POLL).await;
        }
    }

    /// Releases one held connection.
    pub async fn release(&self, held: u64) -> Result<(), ClientError> {
        self.post(&format!("/held/{held}/release"), &()).await.map(drop)
    }

    /// The upstreams by name.
    pub async fn upstreams(&self) -> Result<BTreeMap<String, UpstreamStatus>, ClientError> {
        self.get("/upstreams").await
    }

    /// Takes an upstream down or brings it up again.
    pub async fn set_state(&self, upstream: &str, state: UpstreamState) -> Result<(), ClientError> {
        self.post(&format!("/upstreams/{upstream}"), &SetState { state }).await.map(drop)
    }

    /// Returns to the state after the start: no rules, nothing held, every upstream up, an empty log.
    pub async fn reset(&self) -> Result<(), ClientError> {
        self.remove_all().await?;
        for (name, status) in self.upstreams().await? {
            if status.state != UpstreamState::Up {
                self.set_state(&name, UpstreamState::Up).await?;
            }
        }
        self.clear_log().await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        Ok(send(self.request(Method::GET, path)).await?.json().await?)
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Response, ClientError> {
        send(self.request(Method::POST, path).json(body)).await
    }

    async fn delete(&self, path: &str) -> Result<(), ClientError> {
        send(self.request(Method::DELETE, path)).await.map(drop)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }
}

async fn send(request: RequestBuilder) -> Result<Response, ClientError> {
    let answer = request.send().await?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let reason = answer.text().await?;
    let reason = serde_json::from_str(&reason).map_or(reason, |Refusal { error }| error);
    Err(ClientError::Refused { status, reason })
}

impl Rule {
    /// A rule for every call to an upstream. [`Rule::matching`] narrows it down.
    pub fn new(upstream: impl Into<String>, action: Action) -> Self {
        Self { upstream: upstream.into(), matching: Match::default(), action }
    }

    /// Narrows the rule down.
    #[must_use]
    pub fn matching(self, matching: Match) -> Self {
        Self { matching, ..self }
    }
}

impl Match {
    /// HTTP requests of one method whose path and query match.
    #[must_use]
    pub fn request(method: &str, path_regex: &str) -> Self {
        let (method, path_regex) = (Some(method.to_owned()), Some(path_regex.to_owned()));
        Self { method, path_regex, ..Self::default() }
    }

    /// Calls of one AWS operation, e.g. `secretsmanager.CreateSecret`. (JSON protocols only: those of Secrets Manager,
    /// Step Functions and `DynamoDB`.)
    #[must_use]
    pub fn aws(target: &str) -> Self {
        let regex = format!("^{}$", regex::escape(target));
        Self { header: Some(HeaderMatch { name: "x-amz-target".to_owned(), regex }), ..Self::default() }
    }

    /// RESP commands. The regex is matched against the words joined by spaces.
    #[must_use]
    pub fn command(regex: &str) -> Self {
        Self { command_regex: Some(regex.to_owned()), ..Self::default() }
    }

    /// Postgres calls. The regex is matched against the SQL on one line, followed by ` $1=…` for each parameter.
    #[must_use]
    pub fn statement(regex: &str) -> Self {
        Self { statement_regex: Some(regex.to_owned()), ..Self::default() }
    }

    /// Data on TCP connections that are open already when the rule is made.
    #[must_use]
    pub fn data() -> Self {
        Self { on: Some(On::Data), ..Self::default() }
    }

    /// Only the nth of these calls, from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { nth: Some(nth), ..self }
    }

    /// Only the first `times` of these calls.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only calls from this local port of the client's.
    #[must_use]
    pub fn from_port(self, port: u16) -> Self {
        Self { client_port: Some(port), ..self }
    }
}

impl Action {
    /// An HTTP answer. The upstream never sees the call.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Respond(Answer::Http { status, headers: BTreeMap::new(), body: String::new(), when: When::Before })
    }

    /// A 429, with `Retry-After` in seconds if given.
    #[must_use]
    pub fn too_many_requests(retry_after: Option<u32>) -> Self {
        let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())).into_iter().collect();
        Self::Respond(Answer::Http { status: 429, headers, body: String::new(), when: When::Before })
    }

    /// Bytes as the answer. The TCP upstream never sees the call.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
        Self::Respond(Answer::Bytes { base64, when: When::Before })
    }

    /// A Postgres error with this SQLSTATE. The server never sees the call. The error says that the connection is
    /// outside any transaction; if there is one, it is still open at the server.
    #[must_use]
    pub fn sql_error(code: &str, message: &str) -> Self {
        Self::bytes(&replies::refusal(code, message))
    }
}
