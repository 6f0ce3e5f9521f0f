//! Where seals of the audit log are written down so that nobody can change them: a bucket with object lock. Two requests of S3, signed
//! here; its SDK would be the largest part of the function.

#![warn(missing_docs)]

use std::time::Duration;

use aws_signature::{Scope, signature};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_kit::{Answer, TransportError};
use lambda_kit::{AwsActions, AwsResource, Credentials, Grant, needs, settings};
use reqwest::{Body, Method, Request, StatusCode, Url};
use ring::digest::{SHA256, digest};

/// One call.
const CALL_LIMIT: Duration = Duration::from_secs(5);

needs! {
    /// The bucket of the anchors.
    pub struct AuditAnchors {
        settings: Settings,
        credentials: Credentials<Anchoring>,
    }
}

settings! {
    struct Settings {
        bucket: String = "AUDIT_ANCHOR_BUCKET" or "",
    }
}

/// What the requests are signed for. Who may put an object into a bucket whose objects are locked cannot take it away again.
struct Anchoring;

impl AwsActions for Anchoring {
    const GRANTS: &'static [Grant] = &[
        Grant { action: "s3:PutObject", on: AwsResource::AuditAnchors },
        // Both are needed to see what is there, and until when it is locked.
        Grant { action: "s3:GetObject", on: AwsResource::AuditAnchors },
        Grant { action: "s3:GetObjectRetention", on: AwsResource::AuditAnchors },
    ];
}

/// Why an anchor is not written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnchored {
    /// The bucket's name makes no address.
    #[error("AUDIT_ANCHOR_BUCKET is no bucket's name")]
    NoBucket,
    /// No AWS credentials to sign with, or not in time.
    #[error("there are no AWS credentials to sign with")]
    NoCredentials,
    /// There was no answer.
    #[error("S3: {0}")]
    Transport(#[from] TransportError),
    /// S3 refused it.
    #[error(
        "S3 answered {0}: does the bucket exist in this region, and does its policy allow this role to put and get objects?"
    )]
    Refused(u16),
    /// An anchor of that name is there, and is another one.
    #[error("the bucket has another seal of this row: the audit log was changed after it was anchored")]
    Differs,
    /// It is there, and could be removed.
    #[error("the bucket does not lock its objects: switch on object lock with a default retention")]
    NotLocked,
}

/// An anchor that nobody can remove before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Until when, as S3 says it.
    pub until: String,
}

impl AuditAnchors {
    /// Whether this installation has a bucket for them.
    #[must_use]
    pub fn are_wanted(&self) -> bool {
        !self.settings.bucket.is_empty()
    }

    /// Writes an anchor down under this name, unless it is there already, and then looks whether it is locked.
    pub async fn write(&self, name: &str, anchor: &str) -> Result<Locked, NotAnchored> {
        let checksum = BASE64_STANDARD.encode(digest(&SHA256, anchor.as_bytes()));
        let mut put = Request::new(Method::PUT, self.address(name)?);
        for (header, value) in [
            ("content-type", "application/json"),
            // The first one stays. With object lock a second one would be another version of it.
            ("if-none-match", "*"),
            // Required where objects are locked.
            ("x-amz-checksum-sha256", checksum.as_str()),
        ] {
            put.headers_mut().insert(header, value.parse().map_err(|_| NotAnchored::NoBucket)?);
        }
        *put.body_mut() = Some(Body::from(anchor.to_owned()));
        let answer = self.call(put).await?;
        if !answer.status.is_success() && answer.status != StatusCode::PRECONDITION_FAILED {
            return Err(NotAnchored::Refused(answer.status.as_u16()));
        }
        let found = self.call(Request::new(Method::GET, self.address(name)?)).await?;
        if !found.status.is_success() {
            return Err(NotAnchored::Refused(found.status.as_u16()));
        }
        if *found.body != *anchor.as_bytes() {
            return Err(NotAnchored::Differs);
        }
        let until = found.header("x-amz-object-lock-retain-until-date");
        until.map(|until| Locked { until: until.to_owned() }).ok_or(NotAnchored::NotLocked)
    }

    async fn call(&self, mut request: Request) -> Result<Answer, NotAnchored> {
        let scope = Scope::of_s3(self.credentials.region());
        let signed = signature(&request, scope, self.credentials.provider()).await;
        let signed = signed.map_err(|_| NotAnchored::NoCredentials)?;
        request.headers_mut().extend(signed);
        let client = http_kit::client(CALL_LIMIT);
        Ok(http_kit::send(reqwest::RequestBuilder::from_parts(client, request)).await?)
    }

    fn address(&self, name: &str) -> Result<Url, NotAnchored> {
        let Settings { bucket } = &self.settings;
        let is_name = (3..=63).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
        let address = if let Some(endpoint) = self.credentials.endpoint() {
            format!("{}/{bucket}/{name}", endpoint.trim_end_matches('/'))
        } else {
            let region = self.credentials.region();
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            // In the path: a bucket with a dot in its name has no certificate of its own.
            format!("https://s3.{region}.amazonaws.com{china}/{bucket}/{name}")
        };
        Some(address).filter(|_| is_name).and_then(|address| address.parse().ok()).ok_or(NotAnchored::NoBucket)
    }
}
