//! Free text with a length and without control characters.

use secrecy::SecretString;
use serde_json::json;

use crate::schema::{self, field_schema};
use crate::words::Invalid;

/// Returns the text if it has 1 to `max` characters and no control characters, otherwise `invalid`.
pub(crate) fn plain(text: &str, max: usize, invalid: Invalid) -> Result<String, Invalid> {
    let fits = (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(invalid) }
}

/// Declares a type for such a text.
macro_rules! plain_text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        $crate::schema::field_schema!($name, $crate::schema::plain_text($max));

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
                $crate::text::plain(text, $max, $crate::text::out_of_bounds!($max)).map(Self)
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

pub(crate) use {out_of_bounds, plain_text};

/// A secret as a caller sends it: 1–1024 characters, no control characters.
#[derive(Clone, Debug)]
pub(crate) struct SecretText(pub SecretString);

field_schema!(SecretText, {
    let mut schema = schema::plain_text(1024);
    schema["writeOnly"] = json!(true);
    schema
});

impl std::str::FromStr for SecretText {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain(text, 1024, out_of_bounds!(1024)).map(|text| Self(text.into()))
    }
}
