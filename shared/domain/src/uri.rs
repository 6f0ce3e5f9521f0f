//! URIs (RFC 3986). They are stored exactly as they were sent, because the systems that use them have their own rules.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};

use crate::credentials::{self, CONTAINER_SCHEMES};
use crate::schema::{self, field_schema};
use crate::words::Invalid;

/// Longest URI, bytes.
const MAX: usize = 2048;

/// An absolute URI of at most 2048 bytes. It must not contain credentials, because it is stored and answered in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Uri(String);

field_schema!(Uri, Uri::schema(Uri::SCHEME, Uri::DELIMITERS, Uri::NOTHING));

impl Uri {
    /// Every scheme.
    pub(crate) const SCHEME: &str = "[A-Za-z][A-Za-z0-9+.-]*:";
    /// What separates the parts of a URI.
    pub(crate) const DELIMITERS: &str = r":/?#@\[\]";
    /// A scheme and nothing.
    pub(crate) const NOTHING: &str = "^[^:]*://$";

    /// The schema of URIs that begin like this, with these delimiters only. Parts are given as in a regular expression.
    pub(crate) fn schema(begin: &str, delimiters: &str, not: &str) -> Value {
        json!({
            "type": "string",
            "maxLength": MAX,
            "pattern": format!("^{begin}([A-Za-z0-9._~{delimiters}!$&'()*+,;=-]|%[0-9A-Fa-f]{{2}})+$"),
            "not": schema::text(not),
        })
    }

    /// The URI as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has this scheme, in upper or lower case, and names a host.
    #[must_use]
    pub fn is_at_a_host(&self, scheme: &str) -> bool {
        let (own, rest) = split(&self.0).unwrap_or_default();
        let host = authority(rest).map(|authority| authority.split(':').next().unwrap_or_default());
        own.eq_ignore_ascii_case(scheme) && host.is_some_and(|host| !host.is_empty())
    }

    /// Whether it is the name of an AWS resource: `arn:partition:service:region:account:resource`.
    #[must_use]
    pub fn is_arn(&self) -> bool {
        let parts: Vec<_> = self.0.splitn(6, ':').collect();
        matches!(parts[..], ["arn", partition, service, _, _, resource]
            if !partition.is_empty() && !service.is_empty() && !resource.is_empty())
    }
}

impl FromStr for Uri {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const BAD: Invalid = Invalid("must be a URI such as s3://bucket/path, at most 2048 characters long");
        let (scheme, rest) = split(text).ok_or(BAD)?;
        if text.len() > MAX || !is_scheme(scheme) || rest.is_empty() || rest == "//" || !is_spelled(rest) {
            return Err(BAD);
        }
        if let Some((user, host)) = authority(rest).and_then(|authority| authority.rsplit_once('@')) {
            let container = CONTAINER_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
            if !container || user.is_empty() || user.contains([':', '@']) {
                return Err(Invalid("must not contain a user name or password"));
            }
            if !is_host_and_port(host) {
                return Err(BAD);
            }
        } else if authority(rest).is_some_and(|authority| !is_host_and_port(authority)) {
            return Err(BAD);
        }
        // A URI inside a URI, as in jdbc:postgresql://user:password@host/database.
        let nested = rest.split_once("://").and_then(|(_, nested)| nested.split(['/', '?', '#']).next());
        if !rest.starts_with("//") && nested.is_some_and(|authority| authority.contains('@')) {
            return Err(Invalid("must not contain a user name or password"));
        }
        if credentials::in_text(text) { Err(credentials::FOUND) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(':')
}

/// The part between `//` and the path, if there is one.
pub(crate) fn authority(rest: &str) -> Option<&str> {
    rest.strip_prefix("//")?.split(['/', '?', '#']).next()
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Whether it has only characters that a URI may contain, and `%` only before two hexadecimal digits.
fn is_spelled(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let escaped = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    text.bytes().all(known) && text.split('%').skip(1).all(escaped)
}

/// Whether it is `host` or `host:port`. Both may be empty, as in `file:///path`. A host in brackets is an IPv6 address.
fn is_host_and_port(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("", port),
        Some(_) => return false,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    !host.contains(['[', ']']) && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        for good in [
            "s3://ivory-iceberg/",
            "https://iomete.internal/api/v1/catalog",
            "HTTPS://[::1]:8443/?a=b%20c#d",
            "thrift://metastore:9083",
            "file:///var/lib/warehouse",
            "arn:aws:glue:us-east-1:123456789012:catalog",
            "abfss://container@account.dfs.core.windows.net/path",
            "s3://bucket/path@version",
            "urn:a",
        ] {
            assert_eq!(good.parse::<Uri>().expect(good).as_str(), good);
        }
        let longest = format!("s3://bucket/{}", "a".repeat(MAX - 12));
        assert!(longest.parse::<Uri>().is_ok());
        for bad in [
            "",
            "bucket",
            "/path",
            "s3:",
            "s3://",
            "3s://bucket",
            "://bucket",
            "s3://bucket/a b",
            "s3://bucket/\u{0}",
            "s3://bücket",
            "s3://bucket/{slug}",
            "s3://bucket/%2",
            "https://host:port/",
            "https://host:99999/",
            "https://host:+80/",
            "https://[::1/",
            "https://[host]/",
            "https://[::1]8443/",
            &format!("{longest}a"),
        ] {
            assert!(bad.parse::<Uri>().is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_are_refused() {
        for bad in [
            "https://user:password@host/",
            "https://user@host/",
            "https://@host/",
            "s3://key:secret@bucket",
            "jdbc:postgresql://user:password@host/database",
            "abfss://container:key@account.dfs.core.windows.net/path",
            "abfss://a@b@account.dfs.core.windows.net/path",
        ] {
            let error = bad.parse::<Uri>().expect_err(bad);
            assert_eq!(error, Invalid("must not contain a user name or password"), "{bad}");
        }
    }

    #[test]
    fn schemes_and_hosts() {
        let uri = |text: &str| text.parse::<Uri>().expect("valid");
        assert!(uri("HTTPS://host/").is_at_a_host("https"));
        assert!(uri("https://[::1]:8443/").is_at_a_host("https"));
        for bad in ["http://host", "https:host", "https:///path", "https://:443/"] {
            assert!(!uri(bad).is_at_a_host("https"), "{bad}");
        }
        assert!(uri("arn:aws:s3tables:us-east-1:123456789012:bucket/ivory").is_arn());
        for bad in ["arn:aws:glue:us-east-1:123456789012", "arn:aws:glue:us-east-1:123456789012:", "arn:::::catalog"] {
            assert!(!uri(bad).is_arn(), "{bad}");
        }
    }
}
