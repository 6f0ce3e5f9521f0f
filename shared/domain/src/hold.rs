//! The body of `PUT /v1/admin/tenants/{slug}/hold`.

use serde_json::{Map, Value, json};

use crate::field::{Required, body};
use crate::fields::{FieldError, Fields};
use crate::schema::field_schema;
use crate::visible;
use crate::words::Invalid;

/// Why nothing of a tenant may be deleted: 1–500 characters after trimming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldReason(String);

field_schema!(
    HoldReason,
    json!({
        "type": "string",
        "pattern": visible::trimmed_pattern(HoldReason::MAX),
        // Some generators fail to make one of the pattern.
        "example": "Litigation 2026-14, Acme v. Bank",
    })
);

impl HoldReason {
    const MAX: usize = 500;

    /// The reason as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for HoldReason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if !(1..=Self::MAX).contains(&text.chars().count()) {
            return Err(Invalid("must be 1 to 500 characters long, not counting white space around it"));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid("must not contain control characters"));
        }
        visible::check(text)?;
        Ok(Self(text.to_owned()))
    }
}

/// A valid request for a legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRequest {
    /// Why.
    pub reason: HoldReason,
}

body! {
    HoldRequest as "HoldTenant" {
        reason: Required<HoldReason> = "Why nothing of the tenant may be deleted; 1 to 500 characters, not counting white space around it.",
    }
}

impl HoldRequest {
    /// Reads the request.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        let reason = BODY.reason.read(&mut fields);
        fields.finish()?;
        match reason {
            Some(reason) => Ok(Self { reason }),
            None => unreachable!("an error was noted for a field without a value"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_has_a_reason_that_can_be_read() {
        let parse = |body: Value| HoldRequest::parse(body.as_object().expect("an object"));
        let reason = parse(json!({"reason": "  Acme v. Bank \t"})).expect("valid").reason;
        assert_eq!(reason.as_str(), "Acme v. Bank");
        assert!(parse(json!({"reason": "x".repeat(500)})).is_ok());
        for bad in [
            json!({}),
            json!({"reason": null}),
            json!({"reason": 7}),
            json!({"reason": " "}),
            json!({"reason": "\u{200b}"}),
            json!({"reason": "a\nb"}),
            json!({"reason": "x".repeat(501)}),
            json!({"reason": "x", "until": "tomorrow"}),
        ] {
            assert_eq!(parse(bad.clone()).expect_err("refused").len(), 1, "{bad}");
        }
    }
}
