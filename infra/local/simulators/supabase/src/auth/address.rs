//! E-mail addresses as Auth takes them.

use std::sync::LazyLock;

use regex::Regex;

use super::error::AuthError;

const MAX_CHARACTERS: usize = 255;

static FORMAT: LazyLock<Regex> = LazyLock::new(|| {
    let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
    Regex::new(&format!(r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{label}(?:\.{label})*$")).expect("a valid pattern")
});

/// The address in lower case, the only form Auth stores.
pub(super) fn normalized(address: &str) -> Result<String, AuthError> {
    if address.is_empty() {
        return Err(AuthError::EmailMissing);
    }
    if address.chars().count() > MAX_CHARACTERS {
        return Err(AuthError::EmailTooLong);
    }
    if !FORMAT.is_match(address) {
        return Err(AuthError::EmailMalformed);
    }
    Ok(address.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn addresses_are_checked_and_lowered() {
        assert_eq!(normalized("Ada.L@Example.COM").unwrap(), "ada.l@example.com");
        for refused in ["", "noat", "a@", "@b", "a b@c", "a@b..c", "a@-b", "a@b\r\nRCPT TO:<c@d>"] {
            assert!(normalized(refused).is_err(), "{refused}");
        }
    }
}
