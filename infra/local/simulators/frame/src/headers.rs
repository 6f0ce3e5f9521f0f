//! Reading headers.

use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

/// The value of a header, unless it is missing or not visible ASCII.
#[must_use]
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token in `Authorization: Bearer …`. The name of the scheme is not case-sensitive, and an empty token is none.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whether the credential is the expected one, in constant time.
#[must_use]
pub fn is_secret(given: &str, expected: &SecretString) -> bool {
    given.as_bytes().ct_eq(expected.expose_secret().as_bytes()).into()
}

/// Whether the body is declared to have this media type. Parameters are ignored.
#[must_use]
pub fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let given = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use super::{bearer, is_of_type};
    use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_a_bearer_token_counts() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("Bearer ", None),
            ("abc", None),
            ("Basic abc", None),
        ] {
            assert_eq!(bearer(&with(header::AUTHORIZATION, value)), token, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn parameters_of_a_media_type_do_not_matter() {
        for (value, fits) in
            [("application/json", true), ("Application/JSON; charset=utf-8", true), ("text/json", false)]
        {
            assert_eq!(is_of_type(&with(header::CONTENT_TYPE, value), "application/json"), fits, "{value}");
        }
        assert!(!is_of_type(&HeaderMap::new(), "application/json"));
    }
}
