//! AWS's signature, version 4, of a `POST /`. The emulator checks with it what the official SDKs send, and what the floor
//! signs by hand.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256, Key, Tag};

/// What a signature is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `20260324T100000Z`.
    pub at: &'a str,
    /// AWS's region.
    pub region: &'a str,
    /// The service as signatures name it.
    pub service: &'a str,
}

impl Scope<'_> {
    fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day(), self.region, self.service)
    }

    fn day(&self) -> &str {
        self.at.get(..8).unwrap_or_default()
    }

    fn signature(&self, secret_key: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut lines = String::new();
        for (name, value) in headers {
            let _ = writeln!(lines, "{name}:{}", value.trim());
        }
        let request = format!("POST\n/\n\n{lines}\n{}\n{}", names(headers), sha256(body));
        let text = format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", self.at, self.text(), sha256(request.as_bytes()));
        let key = hmac(format!("AWS4{secret_key}").as_bytes(), self.day());
        let key = [self.region, self.service, "aws4_request"].iter().fold(key, |key, part| hmac(key.as_ref(), part));
        hex::encode(hmac(key.as_ref(), &text))
    }

    /// The header `authorization`. The names of the headers are in lower case, and sorted.
    #[must_use]
    pub fn authorization(&self, key_id: &str, secret_key: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={key_id}/{}, SignedHeaders={}, Signature={}",
            self.text(),
            names(headers),
            self.signature(secret_key, headers, body)
        )
    }
}

/// Whether the holder of this key signed the request. `header` knows the request's headers.
pub fn is_signed<'a>(
    secret_key: &str,
    authorization: &'a str,
    header: impl Fn(&'a str) -> Option<&'a str>,
    body: &[u8],
) -> bool {
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(name)?;
        rest.split(',').next().map(str::trim)
    };
    let (Some(credential), Some(signed)) = (part("Credential="), part("SignedHeaders=")) else { return false };
    let mut scope = credential.rsplit('/');
    let (Some("aws4_request"), Some(service), Some(region)) = (scope.next(), scope.next(), scope.next()) else {
        return false;
    };
    let headers: Option<Vec<_>> = signed.split(';').map(|name| Some((name, header(name)?))).collect();
    let (Some(headers), Some(at)) = (headers, header("x-amz-date")) else { return false };
    part("Signature=") == Some(&Scope { at, region, service }.signature(secret_key, &headers, body))
}

fn names(headers: &[(&str, &str)]) -> String {
    headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

fn hmac(key: &[u8], text: &str) -> Tag {
    hmac::sign(&Key::new(HMAC_SHA256, key), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request `post-x-www-form-urlencoded` of the test suite that AWS publishes for this signature.
    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const SCOPE: Scope<'_> = Scope { at: "20150830T123600Z", region: "us-east-1", service: "service" };
    const HEADERS: [(&str, &str); 3] = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
    ];

    #[test]
    fn it_is_the_one_that_aws_publishes() {
        let authorization = SCOPE.authorization("AKIDEXAMPLE", KEY, &HEADERS, b"Param1=value1");
        assert!(
            authorization.ends_with("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
            "{authorization}"
        );
    }

    #[test]
    fn only_the_whole_request_with_the_right_key_is_signed() {
        let authorization = SCOPE.authorization("AKIDEXAMPLE", KEY, &HEADERS, b"{}");
        let header = |name: &str| HEADERS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        assert!(is_signed(KEY, &authorization, header, b"{}"));
        assert!(!is_signed("another", &authorization, header, b"{}"));
        assert!(!is_signed(KEY, &authorization, header, b"[]"));
        assert!(!is_signed(KEY, &authorization, |name| (name != "host").then(|| header(name)).flatten(), b"{}"));
        assert!(!is_signed(KEY, &authorization, |name| header(name).map(|_| "other"), b"{}"));
        assert!(!is_signed(KEY, "Bearer x", header, b"{}"));
    }
}
