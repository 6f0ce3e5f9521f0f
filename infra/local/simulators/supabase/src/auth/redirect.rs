//! Where a link may lead: to the site itself or to what the allow list names. Any other target is replaced by the site.

use std::net::IpAddr;

use axum::http::HeaderMap;
use regex::Regex;
use simulator::headers;
use url::{Url, form_urlencoded};

use crate::auth_config::AuthConfig;

/// The target of a request: header or query parameter `redirect_to`, else the referrer, else the site.
pub(super) fn target(config: &AuthConfig, headers: &HeaderMap, query: Option<&str>) -> String {
    let header = |name: &str| headers::text(headers, name).map(str::to_owned);
    let asked = header("redirect_to").or_else(|| parameter(query?, "redirect_to"));
    let asked = asked.filter(|target| allowed(config, target));
    let referrer = || header("referer").filter(|target| allowed(config, target));
    asked.or_else(referrer).unwrap_or_else(|| config.text("site_url").to_owned())
}

/// The first value of a query parameter.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Whether a link may lead there.
pub(super) fn allowed(config: &AuthConfig, target: &str) -> bool {
    // No URL contains these characters. Clients remove them, and would then go to a target that was not checked.
    if target.is_empty() || target.chars().any(|character| character <= ' ' || character == '\u{7f}') {
        return false;
    }
    let lower = target.to_ascii_lowercase();
    let parsed = Url::parse(target);
    // A browser may understand a web address differently: if it does not parse, or if its host is written in another
    // way (`http://2130706433` is 127.0.0.1).
    let disguised = parsed.as_ref().map_or(true, |url| url.host_str().is_some_and(|host| !lower.contains(host)));
    if disguised && (lower.starts_with("http:") || lower.starts_with("https:")) {
        return false;
    }
    if let (Ok(site), Ok(target)) = (Url::parse(config.text("site_url")), parsed) {
        let loopback = matches!(target.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let same_host = site.host() == target.host() && site.scheme() == target.scheme();
        if same_host && (loopback || site.port_or_known_default() == target.port_or_known_default()) {
            return true;
        }
        let address = target.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if let Some(address) = address {
            return address.is_loopback();
        }
    }
    let without_fragment = target.split('#').next().unwrap_or_default();
    let mut patterns = config.text("uri_allow_list").split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
    patterns.any(|pattern| glob(pattern).is_some_and(|pattern| pattern.is_match(without_fragment)))
}

/// `*` and `?` stop at `.` and `/`, `**` does not.
fn glob(pattern: &str) -> Option<Regex> {
    let mut expression = String::from("^");
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let (translated, used) = match character {
            '*' if rest.starts_with("**") => (".*".to_owned(), 2),
            '*' => ("[^./]*".to_owned(), 1),
            '?' => ("[^./]".to_owned(), 1),
            other => (regex::escape(&other.to_string()), other.len_utf8()),
        };
        expression.push_str(&translated);
        rest = &rest[used..];
    }
    Regex::new(&(expression + "$")).ok()
}

#[cfg(test)]
mod tests {
    use super::{allowed, glob};
    use crate::auth_config::AuthConfig;

    #[test]
    fn the_site_itself_is_allowed_and_disguises_are_not() {
        let config = AuthConfig::default();
        for target in ["http://localhost:3000/welcome", "http://LOCALHOST:9000", "http://127.0.0.1:9/x"] {
            assert!(allowed(&config, target), "{target}");
        }
        for target in
            ["", "https://localhost:3000", "http://evil.example", "http://2130706433/", "http://[", "http://10.0.0.1"]
        {
            assert!(!allowed(&config, target), "{target}");
        }
        assert!(!allowed(&config, "http://localhost:3000/\t"));
        assert!(!allowed(&config, "http://localhost:3000/a b"));
    }

    #[test]
    fn patterns_stop_where_they_should() {
        let matches = |pattern: &str, target: &str| glob(pattern).unwrap().is_match(target);
        assert!(matches("https://a.example/welcome", "https://a.example/welcome"));
        assert!(!matches("https://a.example/welcome", "https://a_example/welcome"));
        assert!(matches("https://*.a.example/*", "https://bank.a.example/x"));
        assert!(!matches("https://*.a.example/*", "https://evil.b.a.example/x"));
        assert!(!matches("https://a.example/*", "https://a.example/x/y"));
        assert!(matches("https://a.example/**", "https://a.example/x/y.z?q=1"));
    }
}
