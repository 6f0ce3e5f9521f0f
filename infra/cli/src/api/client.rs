//! Sends requests, and sends again what may be sent again.

use std::time::Duration;

use domain::routes::Credential;
use reqwest::header::{AUTHORIZATION, HeaderValue, IF_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
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

/// What became of one try.
enum Try {
    Served(Answer),
    Refused(Problem, Option<Duration>),
    /// It was sent, and no answer came: it may have been served.
    Lost(String),
    /// Something in between has answered: the request may have been served, and will not be by another try.
    Strange(String),
    /// It was not sent.
    Unavailable(String),
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
        let key = request.route.idempotent_by_key().then(|| key.map_or_else(new_key, str::to_owned));
        let mut patience = Patience::new(self.settings.retry_for);
        loop {
            let (pause, error) = match self.once(request, key.as_deref()).await? {
                Try::Served(answer) => return Ok(answer),
                Try::Refused(problem, after) => {
                    let again = matches!(problem.status, 429 | 503) || (problem.status == 409 && after.is_some());
                    let pause = if again { patience.pause(after) } else { None };
                    (pause, Error::Problem(Box::new(problem), key.clone().map(IdempotencyKey)))
                }
                Try::Lost(what) => {
                    let pause = if key.is_some() { patience.pause(None) } else { None };
                    (pause, Error::Unavailable(what, key.clone().map(IdempotencyKey)))
                }
                Try::Strange(what) => (None, Error::Unavailable(what, key.clone().map(IdempotencyKey))),
                Try::Unavailable(what) => (None, Error::Unavailable(what, None)),
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

    async fn once(&self, request: &Request, key: Option<&str>) -> Result<Try, Error> {
        let answer = match self.exchange(request, key).await? {
            Ok(answer) => answer,
            Err(lost) if lost.was_sent => return Ok(Try::Lost(lost.what)),
            Err(lost) => return Ok(Try::Unavailable(lost.what)),
        };
        if answer.status == request.route.status {
            return Ok(Try::Served(answer));
        }
        Ok(match Problem::read(answer.status, answer.text()) {
            Some(problem) => Try::Refused(problem, answer.retry_after()),
            None => Try::Strange(format!(
                "{} answered {}, which this API does not: is it the API's URL?",
                self.account.url, answer.status
            )),
        })
    }

    async fn exchange(&self, request: &Request, key: Option<&str>) -> Result<Result<Answer, Lost>, Error> {
        let builder = self.built(request, key)?;
        if self.settings.debug {
            self.show(request, key);
        }
        let response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(Lost::from(&error))),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = match response.text().await {
            Ok(body) => Answer::new(status, headers, body),
            Err(error) => return Ok(Err(Lost { was_sent: true, ..Lost::from(&error) })),
        };
        if self.settings.debug {
            let id = answer.request_id().unwrap_or("none");
            note(format_args!("< {status}, x-request-id {id}"));
        }
        Ok(Ok(answer))
    }

    fn built(&self, request: &Request, key: Option<&str>) -> Result<RequestBuilder, Error> {
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
        if let Some(key) = key {
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
    fn show(&self, request: &Request, key: Option<&str>) {
        let shown = request.shown();
        note(format_args!("> {} {}", request.route.method, self.address(request)));
        if let Some(key) = key {
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
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
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
