//! Reading bodies.

use serde::de::DeserializeOwned;

use super::error::AuthError;

/// Parses a body as JSON, and ignores its content type. The two errors are those of Auth's parser.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AuthError> {
    serde_json::from_slice(body).map_err(|error| {
        let message = if error.is_eof() { "unexpected end of JSON input".to_owned() } else { error.to_string() };
        AuthError::BadJson(message)
    })
}
