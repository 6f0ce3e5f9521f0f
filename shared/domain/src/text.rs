//! Free text with a length and without control characters, and names, in which every character can be seen.

use secrecy::SecretString;
use serde_json::json;

use crate::schema::field_schema;
use crate::visible;
use crate::words::Invalid;

/// Returns the text if it has 1 to `max` characters and no control characters, otherwise `invalid`.
pub(crate) fn plain(text: &str, max: usize, invalid: Invalid) -> Result<String, Invalid> {
    let fits = (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(invalid) }
}

/// The same for a name: it can be seen, and told from other names.
pub(crate) fn name(text: &str, max: usize, invalid: Invalid) -> Result<String, Invalid> {
    let text = plain(text, max, invalid)?;
    visible::check(&text)?;
    Ok(text)
}

/// A host name, in upper or lower case.
pub(crate) const HOST_NAME: &str =
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

/// Whether it is a host name in lower case: at least two labels, and the last one begins with a letter, so that it is no
/// address (RFC 1123, 2.1; no domain at the top begins with a digit).
pub(crate) fn is_host_name(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let sound = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    labels.len() >= 2
        && labels.iter().all(sound)
        && labels.last().is_some_and(|top| top.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// Declares a type for a name that has a length, and passes `$check`.
macro_rules! name_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, $check:expr, $schema:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        $crate::schema::field_schema!($name, $schema);

        impl $name {
            /// The value as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::words::Invalid> {
                let text = $crate::text::name(text, $max, $crate::text::out_of_bounds!($max))?;
                let check: fn(&str) -> Result<(), $crate::words::Invalid> = $check;
                check(&text).map(|()| Self(text))
            }
        }
    };
}

/// The error for a text that is too long, or has control characters.
macro_rules! out_of_bounds {
    ($max:literal) => {
        $crate::words::Invalid(concat!("must be 1 to ", $max, " characters long, without control characters"))
    };
}

pub(crate) use {name_text, out_of_bounds};

pub(crate) const NO_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// A secret as a caller sends it: 1–1024 characters, no control characters.
#[derive(Clone, Debug)]
pub(crate) struct SecretText(pub SecretString);

field_schema!(SecretText, {
    json!({ "type": "string", "minLength": 1, "maxLength": 1024, "pattern": NO_CONTROLS, "writeOnly": true })
});

impl std::str::FromStr for SecretText {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain(text, 1024, out_of_bounds!(1024)).map(|text| Self(text.into()))
    }
}
