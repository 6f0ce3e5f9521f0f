//! Sends requests, and sends again what may be sent again.

use std::time::Duration;

use domain::routes::Credential;
use reqwest::header::{AUTHORIZATION, HeaderValue, IF_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use tokio::signal::ctrl_c;
use tokio::time::sleep;
use url::Url;
use uuid::Uuid;

use super::patience::Patience;
use super::{Answer, Problem, Request};
use crate::error::{Error, IdempotencyKey};
use crate::output::note;
use crate::profiles::Account;

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The largest answer that is read. Lambda's own limit is 6 MB.
const LARGEST: usize = 32 << 20;

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The longest that one request may take.
    pub time_out: Duration,
    /// For how long it is tried again.
    pub retry_for: Duration,
    /// Whether requests are shown on standard error.
    pub debug: bool,
}

/// The API at one URL, with one caller's credentials.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    account: Account,
    settings: Settings,
}

impl Client {
    pub fn new(account: Account, settings: Settings) -> Result<Self, Error> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .user_agent(concat!("ivory/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .timeout(settings.time_out)
            // A credential goes to the host that it was given for, and to no other.
            .redirect(Policy::none());
        let builder = if is_loopback(&account.url) { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(Error::system)?, account, settings })
    }

    /// Sends a request until it is served, or refused for good. A POST or PATCH has the same key at every try.
    pub async fn send(&self, request: &Request, key: Option<&str>) -> Result<Answer, Error> {
        let key =
            request.route.idempotent_by_key().then(|| key.map_or_else(new_key, str::to_owned)).map(IdempotencyKey);
        tokio::select! {
            sent = self.send_again(request, key.as_ref()) => sent,
            // Whether it was served by then, nobody knows.
            pressed = ctrl_c() => Err(pressed.map_or_else(Error::system, |()| Error::Interrupted(None, key.clone()))),
        }
    }

    async fn send_again(&self, request: &Request, key: Option<&IdempotencyKey>) -> Result<Answer, Error> {
        let mut patience = Patience::new(self.settings.retry_for);
        // From then on it may have been served, and only with its key may it be sent again.
        let mut was_sent = false;
        loop {
            let (pause, error) = match self.exchange(request, key).await? {
                Ok(answer) if answer.status == request.route.status => return Ok(answer),
                Ok(answer) => {
                    let problem = Problem::of(&answer, &self.account.url);
                    let pause = if problem.is_temporary() { patience.pause(problem.retry_after) } else { None };
                    (pause, Error::Problem(Box::new(problem), key.cloned()))
                }
                Err(lost) => {
                    was_sent |= lost.was_sent;
                    let key = key.filter(|_| was_sent);
                    let pause = if key.is_some() { patience.pause(None) } else { None };
                    (pause, Error::Unavailable(lost.what, key.cloned()))
                }
            };
            let Some(pause) = pause else { return Err(error) };
            note(format_args!("{error}; again in {} s", pause.as_secs()));
            sleep(pause).await;
        }
    }

    /// Sends a request once. The answer may have any status: for a probe, which has to see it.
    pub async fn probe(&self, request: &Request) -> Result<Answer, Error> {
        self.exchange(request, None).await?.map_err(|lost| Error::Unavailable(lost.what, None))
    }

    async fn exchange(&self, request: &Request, key: Option<&IdempotencyKey>) -> Result<Result<Answer, Lost>, Error> {
        let builder = self.built(request, key)?;
        if self.settings.debug {
            self.show(request, key);
        }
        let response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(Lost::from(&error))),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = match body(response).await {
            Ok(Some(body)) => Answer::new(status, headers, body),
            Ok(None) => {
                let size = LARGEST >> 20;
                return Err(Error::Unforeseen(format!("the answer is larger than {size} MB: is this the API's URL?")));
            }
            Err(error) => return Ok(Err(Lost { was_sent: true, ..Lost::from(&error) })),
        };
        if self.settings.debug {
            let id = answer.request_id().unwrap_or("none");
            note(format_args!("< {status}, x-request-id {id}"));
        }
        Ok(Ok(answer))
    }

    fn built(&self, request: &Request, key: Option<&IdempotencyKey>) -> Result<RequestBuilder, Error> {
        let method = Method::from_bytes(request.route.method.as_bytes()).map_err(Error::system)?;
        let mut builder = self.http.request(method, self.address(request));
        builder = match request.route.credential {
            Credential::ApiKey => builder.header("x-api-key", sensitive(self.account.api_key()?.expose_secret())?),
            Credential::Bearer => {
                let value = format!("Bearer {}", self.account.token()?.expose_secret());
                builder.header(AUTHORIZATION, sensitive(&value)?)
            }
            Credential::None => builder,
        };
        if let Some(IdempotencyKey(key)) = key {
            builder = builder.header("idempotency-key", key);
        }
        if let Some(etag) = &request.if_match {
            builder = builder.header(IF_MATCH, etag);
        }
        Ok(match request.body() {
            Some(body) => builder.json(body),
            None => builder,
        })
    }

    fn address(&self, request: &Request) -> Url {
        let mut url = self.account.url.clone();
        url.set_path(&format!("{}{}", self.account.url.path().trim_end_matches('/'), request.path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    /// Shows what is sent. Of credentials and secrets it shows nothing.
    fn show(&self, request: &Request, key: Option<&IdempotencyKey>) {
        let shown = request.shown();
        note(format_args!("> {} {}", request.route.method, self.address(request)));
        if let Some(IdempotencyKey(key)) = key {
            note(format_args!("> idempotency-key: {key}"));
        }
        if let Some(etag) = &request.if_match {
            note(format_args!("> if-match: {etag}"));
        }
        if !shown["body"].is_null() {
            note(format_args!("> {}", shown["body"]));
        }
    }
}

/// Reads a body. `None`: it is too large.
async fn body(mut response: Response) -> Result<Option<String>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(String::from_utf8_lossy(&body).into_owned()))
}

/// A request without an answer.
struct Lost {
    what: String,
    was_sent: bool,
}

impl From<&reqwest::Error> for Lost {
    fn from(error: &reqwest::Error) -> Self {
        let what = if error.is_timeout() { "no answer in time" } else { "no answer" };
        let cause = innermost(error);
        let host = error.url().and_then(Url::host_str).unwrap_or("the API");
        Self { what: format!("{what} from {host}: {cause}"), was_sent: !error.is_connect() }
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

fn new_key() -> String {
    Uuid::new_v4().to_string()
}

fn sensitive(value: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Error::Usage("the credential has characters that no header can have".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The system's authorities, since a company may have its own. `SSL_CERT_FILE` names others.
fn tls() -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        note(format_args!("no authority is trusted{why}; SSL_CERT_FILE may name a file with some"));
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(Error::system)?.with_root_certificates(roots).with_no_client_auth())
}

/// Whether a URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
