//! AWS Signature Version 4 as S3 wants it: the body's digest is a header, and a path is encoded once.

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

use crate::NotAnchored;

/// They are usually cached; getting new ones takes milliseconds.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(2);

/// The headers that sign this request with the provider's current credentials.
pub(crate) async fn signature(
    request: &Request,
    region: &str,
    credentials: &SharedCredentialsProvider,
) -> Result<HeaderMap, NotAnchored> {
    let credentials = tokio::time::timeout(CREDENTIALS_LIMIT, credentials.provide_credentials()).await;
    let credentials = credentials.ok().and_then(Result::ok).ok_or(NotAnchored::NoCredentials)?;
    signed(request, region, credentials, SystemTime::now()).ok_or(NotAnchored::NoCredentials)
}

fn signed(request: &Request, region: &str, credentials: Credentials, time: SystemTime) -> Option<HeaderMap> {
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(time)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let body = request.body().and_then(Body::as_bytes).unwrap_or_default();
    let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable =
        SignableRequest::new(request.method().as_str(), request.url().as_str(), headers, SignableBody::Bytes(body))
            .ok()?;
    let (signature, _) = sign(signable, &parameters).ok()?.into_parts();
    signature
        .headers()
        .map(|(name, value)| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;

    /// Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", "PUT Object".
    #[test]
    fn the_signature_equals_the_published_example() {
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
        let headers = signed(&request, "us-east-1", credentials, time).expect("signed");
        let authorization = headers["authorization"].to_str().expect("ASCII");
        let (_, signature) = authorization.rsplit_once("Signature=").expect("a signature");
        assert_eq!(signature, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
        assert!(headers.values().all(HeaderValue::is_sensitive), "headers must not be logged");
    }
}
