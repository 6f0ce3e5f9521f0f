//! The gateway's check of the token, before anything else is looked at.

use axum::http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::error::{Problem, Result};

/// The header that IOMETE takes a token in besides `Authorization`.
const TOKEN_HEADER: &str = "x-api-token";

pub(crate) fn authenticate(headers: &HeaderMap, token: &SecretString) -> Result<()> {
    let bearer = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).and_then(bearer);
    let given = bearer.or_else(|| headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes));
    let expected = token.expose_secret().as_bytes();
    let admitted = given.is_some_and(|given| !given.is_empty() && bool::from(given.ct_eq(expected)));
    if admitted { Ok(()) } else { Err(Problem::not_authorized()) }
}

/// The token of a bearer; the scheme's name is not case-sensitive.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}
