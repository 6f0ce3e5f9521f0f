//! What the audit log is searched for.

use serde_json::{Value, json};

use crate::text::{NO_CONTROLS, out_of_bounds, plain};
use crate::words::Invalid;

/// An actor, an action or a request's id, as the log has it: 1–512 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditWord(String);

impl AuditWord {
    /// The schema of the query parameters.
    #[must_use]
    pub fn schema() -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": 512, "pattern": NO_CONTROLS })
    }

    /// The word as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for AuditWord {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain(text, 512, out_of_bounds!(512)).map(Self)
    }
}
