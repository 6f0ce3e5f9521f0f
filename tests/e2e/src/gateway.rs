//! Sends requests to the gateway. Every answer is recorded, and checked for what holds for all answers.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{Cloud, contract};

static ANSWERS: Mutex<Vec<Answer>> = Mutex::new(Vec::new());

/// A complete answer of the gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The request's method.
    pub method: String,
    /// The request's path, without the host.
    pub path: String,
    /// HTTP status.
    pub status: u16,
    /// Header names are in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as received.
    pub body: String,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {self:?}"))
    }

    /// The body as JSON. Fails unless the answer has this status.
    pub fn expect(&self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "not {status}: {self:?}");
        ensure!(self.header("content-type") == Some("application/json") || status >= 400, "not JSON: {self:?}");
        self.json()
    }

    /// The problem. Fails unless the answer is this problem.
    pub fn problem(&self, status: u16, code: &str) -> Result<Value> {
        let problem = self.expect(status)?;
        ensure!(problem["code"] == code, "not {code}: {self:?}");
        Ok(problem)
    }

    /// Fails unless the answer is 204 without a body.
    pub fn no_content(&self) -> Result<()> {
        ensure!(self.status == 204 && self.body.is_empty(), "not 204, or with a body: {self:?}");
        Ok(())
    }

    /// The fields that are wrong, each with its messages. Fails if there are none.
    pub fn invalid(&self) -> Result<BTreeMap<String, String>> {
        let problem = self.problem(422, "validation_failed")?;
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let errors = problem["errors"].as_array().into_iter().flatten();
        Ok(errors.map(|error| (text(&error["field"]), text(&error["message"]))).collect())
    }

    /// Fails unless the answer is this problem and its `Retry-After` has this many seconds.
    pub fn later(&self, status: u16, code: &str, seconds: &str) -> Result<()> {
        self.problem(status, code)?;
        ensure!(self.header("retry-after") == Some(seconds), "not after {seconds}: {self:?}");
        Ok(())
    }

    /// Sends a request, and sends it again while the answer is 503 with a `Retry-After` that ends before `end`. A small
    /// machine may be overloaded if many clients send requests at once.
    pub async fn served(end: Instant, request: impl AsyncFn() -> Result<Self>) -> Result<Self> {
        Self::repeated(end, |answer| answer.status == 503, request).await
    }

    /// The same while the answer is one that passes.
    pub async fn repeated(
        end: Instant,
        passes: impl Fn(&Self) -> bool,
        request: impl AsyncFn() -> Result<Self>,
    ) -> Result<Self> {
        loop {
            let answer = request().await?;
            match answer.retry_after() {
                Some(pause) if passes(&answer) && Instant::now() + pause < end => sleep(pause).await,
                _ => return Ok(answer),
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.parse().ok().map(Duration::from_secs)
    }

    /// The path of the next page, if the answer has a `Link` header.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.header("link")?.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")
    }

    /// The whole answer as text, for searches.
    #[must_use]
    pub fn text(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| [name, ": ", value, "\n"].concat()).collect();
        format!("{} {} {}\n{headers}\n{}", self.method, self.path, self.status, self.body)
    }

    /// Checks what holds for every answer, from a function or from the gateway.
    fn check(&self) -> Result<()> {
        let request_id = self.header("x-request-id").with_context(|| format!("no x-request-id: {self:?}"))?;
        ensure!(!request_id.is_empty(), "an empty x-request-id: {self:?}");
        contract::check(self)?;
        // A readiness probe reads this answer, so its body is not a problem.
        let unhealthy = self.path.ends_with("/v1/admin/lakehouse/health")
            && self.status == 503
            && self.header("content-type") == Some("application/json");
        if self.status < 400 || unhealthy {
            return Ok(());
        }
        let problem = self.json()?;
        ensure!(self.header("content-type") == Some("application/problem+json"), "no problem: {self:?}");
        // A replayed problem keeps the request id of the first request, because that id leads to the cause.
        let replayed = self.header("idempotency-replayed").is_some();
        ensure!(problem["request_id"] == request_id || replayed, "two request ids: {self:?}");
        ensure!(problem["status"] == self.status, "two statuses: {self:?}");
        let code = problem["code"].as_str().with_context(|| format!("no code: {self:?}"))?;
        ensure!(problem["type"] == format!("urn:ivory-control-plane:problem:{code}"), "another type: {self:?}");
        for text in ["title", "detail"] {
            ensure!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "no {text}: {self:?}");
        }
        Ok(())
    }
}

/// Every answer that this process has received.
#[must_use]
pub fn answers() -> Vec<Answer> {
    ANSWERS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Cloud {
    /// A request without a credential.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.api_url))
    }

    /// A request with the administrator's key.
    pub fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("x-api-key", &self.admin_key)
    }

    /// Sends a request to the gateway and records the answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let request = request.build()?;
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let response = self.http.execute(request).await?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let headers = headers.collect();
        let answer = Answer { method, path, status, headers, body: response.text().await? };
        remember(&answer)?;
        answer.check()?;
        Ok(answer)
    }

    /// Sends a `GET` with the administrator's key.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.admin(Method::GET, path)).await
    }
}

fn remember(answer: &Answer) -> Result<()> {
    ANSWERS.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
    if let Some(file) = std::env::var_os("E2E_ANSWERS") {
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        // Each line is one write in append mode, so lines of parallel tests do not mix.
        OpenOptions::new().create(true).append(true).open(file)?.write_all(&line)?;
    }
    Ok(())
}
