//! What every request is checked for before anything else: the secret key and the pinned API version.

use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};

use crate::error::ApiError;

/// The first version whose objects have the shape given here: `current_period_*` on the items.
const OLDEST_DATE: &str = "2025-03-31";

pub(crate) fn authenticate(headers: &HeaderMap, secret_key: &SecretString) -> Result<(), ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match given.strip_prefix("Bearer ") {
        None | Some("") => Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )),
        Some(key) if key == secret_key.expose_secret() && key.starts_with("sk_") => Ok(()),
        // Stripe shows a few of the key's letters; a stand-in need not.
        Some(_) => Err(ApiError::unauthorized("Invalid API Key provided: ****************")),
    }
}

/// Stripe falls back to the account's default version; a client that relies on it changes behaviour without a deploy.
pub(crate) fn version(headers: &HeaderMap) -> Result<&str, ApiError> {
    let given = headers.get("stripe-version").and_then(|value| value.to_str().ok());
    let given = given.ok_or_else(|| ApiError::invalid("This stand-in requires a pinned Stripe-Version header."))?;
    if is_plausible(given) { Ok(given) } else { Err(ApiError::invalid(format!("Invalid Stripe API version: {given}"))) }
}

/// `YYYY-MM-DD.name`, not older than [`OLDEST_DATE`].
fn is_plausible(version: &str) -> bool {
    version.split_once('.').is_some_and(|(date, name)| {
        date.parse::<jiff::civil::Date>().is_ok()
            && date.len() == OLDEST_DATE.len()
            && date >= OLDEST_DATE
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::is_plausible;

    #[test]
    fn versions() {
        for good in ["2026-07-29.dahlia", "2025-03-31.basil"] {
            assert!(is_plausible(good), "{good}");
        }
        for bad in ["", "2023-08-16", "2026-07-29", "2026-13-29.dahlia", "2026-07-29.Dahlia", "2024-09-30.acacia"] {
            assert!(!is_plausible(bad), "{bad}");
        }
    }
}
