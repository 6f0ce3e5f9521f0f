//! Free text with a length and without control characters.

use secrecy::SecretString;

use crate::words::Invalid;

/// The text, if it has 1 to `max` characters and none of them is a control character; else `invalid`.
pub(crate) fn plain(text: &str, max: usize, invalid: Invalid) -> Result<String, Invalid> {
    let fits = (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(invalid) }
}

/// A secret as a caller sends it: 1–1024 characters, no control characters.
#[derive(Clone, Debug)]
pub(crate) struct SecretText(pub SecretString);

impl std::str::FromStr for SecretText {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid("must be 1 to 1024 characters long, without control characters");
        plain(text, 1024, invalid).map(|text| Self(text.into()))
    }
}
