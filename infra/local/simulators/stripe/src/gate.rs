//! What every request is checked for first: the secret key, the pinned API version and the content type.

use axum::http::HeaderMap;
use simulator::headers;

use crate::error::ApiError;
use crate::model::Mode;
use crate::settings::Settings;

/// The first version whose objects have the shape given here: `current_period_*` on the items.
const OLDEST_DATE: &str = "2025-03-31";

/// The mode of the account that the request's key belongs to.
pub(crate) fn check(headers: &HeaderMap, has_body: bool, settings: &Settings) -> Result<Mode, ApiError> {
    let mode = authenticate(headers, settings)?;
    let version = headers::text(headers, "stripe-version");
    // Without the header Stripe uses the account's default version, so a client could change its behaviour without a
    // deploy.
    let version = version.ok_or_else(|| ApiError::invalid("This stand-in requires a pinned Stripe-Version header."))?;
    if !is_plausible(version) {
        return Err(ApiError::invalid(format!("Invalid Stripe API version: {version}")));
    }
    if has_body && !headers::is_of_type(headers, "application/x-www-form-urlencoded") {
        let message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded).";
        return Err(ApiError::invalid(message));
    }
    Ok(mode)
}

fn authenticate(headers: &HeaderMap, settings: &Settings) -> Result<Mode, ApiError> {
    let Some(key) = headers::bearer(headers) else {
        return Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    };
    let keys = [(Mode::Test, Some(&settings.secret_key)), (Mode::Live, settings.live_secret_key.as_ref())];
    let found = keys.into_iter().find(|(mode, secret)| {
        key.starts_with(mode.key_prefix()) && secret.is_some_and(|secret| headers::is_secret(key, secret))
    });
    // Stripe shows some of the key's letters. A stand-in need not.
    found.map(|(mode, _)| mode).ok_or_else(|| ApiError::unauthorized("Invalid API Key provided: ****************"))
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
