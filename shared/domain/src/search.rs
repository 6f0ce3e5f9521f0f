//! What tenants are searched for.

use serde_json::{Value, json};

use crate::text::{NO_CONTROLS, out_of_bounds, plain};
use crate::words::Invalid;

/// A part of a tenant's slug, name, address or domain: 1–200 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// The schema of the query parameter.
    #[must_use]
    pub fn schema() -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": NO_CONTROLS })
    }

    /// The text as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for SearchText {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain(text, 200, out_of_bounds!(200)).map(Self)
    }
}
