//! Signs the requests of AWS that our own clients send: Signature Version 4.

#![warn(missing_docs)]

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Request};

/// The time limit for getting credentials. They are usually cached. Getting new ones from the metadata endpoint takes
/// milliseconds.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(2);

/// Why a request is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// There are no credentials, or not in time.
    #[error("there are no AWS credentials to sign with")]
    NoCredentials,
    /// Its URL or its headers are none that can be signed.
    #[error("the request cannot be signed")]
    Unsignable,
}

/// What a signature is for.
pub struct Scope<'a> {
    region: &'a str,
    service: &'a str,
    settings: SigningSettings,
}

impl<'a> Scope<'a> {
    /// A service, by its name in signatures.
    #[must_use]
    pub fn new(region: &'a str, service: &'a str) -> Self {
        Self { region, service, settings: SigningSettings::default() }
    }

    /// S3: the body's digest is a header, and a path is encoded once.
    #[must_use]
    pub fn of_s3(region: &'a str) -> Self {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        Self { region, service: "s3", settings }
    }
}

/// The headers that sign this request with the provider's current credentials. The signature covers method, URL, headers, host,
/// body and session token.
pub async fn signature(
    request: &Request,
    scope: Scope<'_>,
    credentials: &SharedCredentialsProvider,
) -> Result<HeaderMap, NotSigned> {
    let credentials = tokio::time::timeout(CREDENTIALS_LIMIT, credentials.provide_credentials()).await;
    let credentials = credentials.ok().and_then(Result::ok).ok_or(NotSigned::NoCredentials)?;
    signed_at(SystemTime::now(), request, scope, credentials)
}

fn signed_at(
    time: SystemTime,
    request: &Request,
    scope: Scope<'_>,
    credentials: Credentials,
) -> Result<HeaderMap, NotSigned> {
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(time)
        .settings(scope.settings)
        .build()
        .map_err(|_| NotSigned::NoCredentials)?
        .into();
    let body = request.body().and_then(Body::as_bytes).unwrap_or_default();
    let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let request =
        SignableRequest::new(request.method().as_str(), request.url().as_str(), headers, SignableBody::Bytes(body))
            .map_err(|_| NotSigned::Unsignable)?;
    let (signature, _) = sign(request, &parameters).map_err(|_| NotSigned::Unsignable)?.into_parts();
    signature
        .headers()
        .map(|(name, value)| {
            let mut value = HeaderValue::from_str(value).map_err(|_| NotSigned::NoCredentials)?;
            value.set_sensitive(true);
            Ok((HeaderName::from_bytes(name.as_bytes()).map_err(|_| NotSigned::NoCredentials)?, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;

    /// The key pair of AWS's published examples.
    fn example(session_token: Option<&str>) -> Credentials {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        Credentials::new("AKIDEXAMPLE", secret, session_token.map(str::to_owned), None, "example")
    }

    /// Signs at 2015-08-30T12:36:00Z, the time of all published examples, and returns what comes after `Signature=`.
    fn signed(
        (method, url, content_type): (Method, &str, Option<&'static str>),
        body: &str,
        (region, service): (&str, &str),
        credentials: Credentials,
    ) -> (String, HeaderMap) {
        let mut request = Request::new(method, url.parse().expect("a URL"));
        if let Some(content_type) = content_type {
            request.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
        }
        *request.body_mut() = Some(body.to_owned().into());
        let time = SystemTime::UNIX_EPOCH + Duration::from_mins(24_015_636);
        let headers = signed_at(time, &request, Scope::new(region, service), credentials).expect("signed");
        let authorization = headers["authorization"].to_str().expect("ASCII");
        (authorization.rsplit_once("Signature=").expect("a signature").1.to_owned(), headers)
    }

    #[test]
    fn signatures_equal_the_published_examples() {
        // AWS Signature Version 4 test suite, get-vanilla.
        let request = (Method::GET, "https://example.amazonaws.com/", None);
        let (signature, _) = signed(request, "", ("us-east-1", "service"), example(None));
        assert_eq!(signature, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");

        // AWS General Reference, "Signature Version 4 signing process", the IAM ListUsers example.
        let request = (
            Method::GET,
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            Some("application/x-www-form-urlencoded; charset=utf-8"),
        );
        let (signature, _) = signed(request, "", ("us-east-1", "iam"), example(None));
        assert_eq!(signature, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    }

    /// Recorded from botocore's `SigV4Auth`, which also reproduces the published examples.
    #[test]
    fn signatures_equal_those_of_botocore() {
        const BODY: &str = r#"{"settings":{"index.knn":true}}"#;
        let url = "https://search-x.ap-southeast-1.es.amazonaws.com/base/_aliases?timeout=5s&master_timeout=5s";
        let request = (Method::POST, url, Some("application/json"));
        let (signature, _) = signed(request, BODY, ("ap-southeast-1", "es"), example(None));
        assert_eq!(signature, "d841c199350e7528aac974b2f8139c022a3a5181b2f07be8a84ccfd3b6f528bf");

        let url = "https://search-x.eu-central-1.es.amazonaws.com/client_acme-bank_v1";
        let request = (Method::PUT, url, Some("application/json"));
        let credentials = example(Some("AQoDYXdzEPT//////////wEXAMPLE"));
        let (signature, headers) = signed(request, BODY, ("eu-central-1", "es"), credentials);
        assert_eq!(signature, "fa8100b2226cdc04c5fb2cc67e49e856814446f342f358b328964c8902371e10");
        assert_eq!(headers["x-amz-security-token"], "AQoDYXdzEPT//////////wEXAMPLE");
        assert!(headers.values().all(HeaderValue::is_sensitive), "headers must not be logged");
    }

    /// Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", "PUT Object".
    #[test]
    fn s3s_signature_equals_the_published_example() {
        let mut request = Request::new(
            Method::PUT,
            "https://examplebucket.s3.amazonaws.com/test%24file.text".parse().expect("a URL"),
        );
        for (name, value) in [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")]
        {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        *request.body_mut() = Some("Welcome to Amazon S3.".into());
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, None, None, "example");
        let time = SystemTime::UNIX_EPOCH + Duration::from_hours(380_376);
        let headers = signed_at(time, &request, Scope::of_s3("us-east-1"), credentials).expect("signed");
        let authorization = headers["authorization"].to_str().expect("ASCII");
        let (_, signature) = authorization.rsplit_once("Signature=").expect("a signature");
        assert_eq!(signature, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
        assert!(headers.values().all(HeaderValue::is_sensitive), "headers must not be logged");
    }
}
