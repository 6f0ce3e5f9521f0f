//! The AWS SDK's configuration, and how it reaches AWS.
//!
//! It is made of what Lambda puts into the environment: a function has its role's credentials and its region there, so the
//! chain that looks for them in files, at other services and on the network is not linked.
//!
//! Connections are opened as all of ours are, by `tls`. The SDK's own client would read the system's root store at every cold
//! start, 210 KB, and has HTTP/2, which none of these services speaks.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_secretsmanager::config::http::{HttpRequest, HttpResponse};
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, IdentityCache, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector as SdkConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tls::Authorities;

use crate::settings::Settings;

/// Where all of AWS is, if not at its own addresses, as every client of AWS names it.
pub(crate) const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
/// A file of certificates, as every client of AWS names it.
pub(crate) const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// The configuration of every client of AWS. It is made for the first who asks: a function that asks for nothing of AWS has
/// no client linked, and one that does has begun its other connections by then.
#[derive(Clone, Debug)]
pub(crate) struct Sdk {
    settings: Settings,
    config: Arc<OnceLock<SdkConfig>>,
}

impl Sdk {
    pub(crate) fn of(settings: Settings) -> Self {
        Self { settings, config: Arc::default() }
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        self.config.get_or_init(|| load(&self.settings))
    }
}

/// An operation takes at most 4.5 s, including one repetition, because a route has to answer within 5 s.
fn load(settings: &Settings) -> SdkConfig {
    let region = settings.text("AWS_REGION");
    let is_set = |name| settings.text(name).and_then(|value| value.parse().ok()).unwrap_or(false);
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(2500))
        .operation_timeout(Duration::from_millis(4500))
        .build();
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Http::trusting(region.unwrap_or_default(), settings.text(CA_BUNDLE)))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        // They are there for as long as the process is.
        .identity_cache(IdentityCache::no_cache())
        .use_fips(is_set("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_set("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(Endpoints(settings.clone()));
    sdk.set_region(region.map(|region| Region::new(region.to_owned())))
        .set_credentials_provider(credentials(settings).map(SharedCredentialsProvider::new));
    sdk.build()
}

fn credentials(settings: &Settings) -> Option<Credentials> {
    let [id, secret] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| settings.text(name));
    let token = settings.text("AWS_SESSION_TOKEN").map(str::to_owned);
    Some(Credentials::new(id?, secret?, token, None, "the function's environment"))
}

/// `AWS_ENDPOINT_URL_{SERVICE}` and `AWS_ENDPOINT_URL`, as every client of AWS reads them.
#[derive(Debug)]
struct Endpoints(Settings);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let own = format!("{}_{}", key.env(), key.service_id().replace([' ', '-'], "_").to_ascii_uppercase());
        self.0.text(&own).or_else(|| self.0.text(key.env())).map(str::to_owned)
    }
}

/// HTTP/1.1 over the one TLS configuration.
#[derive(Clone, Debug)]
struct Http(Client<HttpsConnector<HttpConnector>, SdkBody>);

impl Http {
    /// A client that trusts those who vouch for AWS in this region, and whoever is in the file. It is for a network whose
    /// proxy opens TLS and shows certificates of its own.
    fn trusting(region: &str, bundle: Option<&str>) -> Self {
        let given = bundle.and_then(|path| {
            fs::read_to_string(path).inspect_err(|error| tracing::error!(%error, "AWS_CA_BUNDLE cannot be read")).ok()
        });
        let tls = tls::client_config(Authorities::aws(region).and(given.as_deref())).unwrap_or_else(|error| {
            tracing::error!(%error, "AWS_CA_BUNDLE cannot be used");
            tls::client_config(Authorities::aws(region)).expect("no authorities are given")
        });
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build((http, tls).into());
        Self(client)
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl SdkConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let response = client.request(request).await.map_err(not_answered)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// A connection that could not be opened, or broke, is worth the one repetition. A server that is not trusted is not.
fn not_answered(error: Error) -> ConnectorError {
    if tls::distrust(&error).is_some() {
        ConnectorError::other(error.into(), None)
    } else {
        ConnectorError::io(error.into())
    }
}
