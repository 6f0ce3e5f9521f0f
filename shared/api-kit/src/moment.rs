//! Times as callers see them.

use std::str::FromStr;

use domain::Invalid;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A time, written as RFC 3339 in UTC with `Z` and six fixed digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// What a caller may send as one: the form of the answers, with up to six digits.
    pub const PATTERN: &str =
        r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$";
}

impl FromStr for Moment {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid("must be a time in UTC, such as 2026-03-24T10:00:00Z");
        let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        let form = |text: &str| {
            let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
            let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
            let numbers = |text: &str, separator, lengths: [usize; 3]| {
                let parts: Vec<_> = text.split(separator).collect();
                parts.len() == 3 && parts.iter().zip(lengths).all(|(part, length)| digits(part, length))
            };
            let second = time.rsplit(':').next()?;
            let sound = numbers(date, '-', [4, 2, 2])
                && numbers(time, ':', [2, 2, 2])
                // A leap second is no time of ours.
                && second < "60"
                && (1..=6).contains(&fraction.len())
                && digits(fraction, fraction.len());
            sound.then_some(())
        };
        form(text).and_then(|()| text.parse().ok()).map(Self).ok_or(INVALID)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.6}", self.0))
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let text = text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        text.description(Some("RFC 3339 in UTC, with `Z` and six digits.")).into()
    }
}

impl ToSchema for Moment {
    fn name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_the_form_of_the_answers() {
        for good in ["2026-03-24T10:00:00Z", "2026-03-24T10:00:00.5Z", "2024-02-29T23:59:59.999999Z"] {
            assert!(good.parse::<Moment>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "2026-03-24",
            "2026-03-24T10:00Z",
            "2026-03-24t10:00:00z",
            "2026-03-24 10:00:00Z",
            "2026-03-24T10:00:00",
            "2026-03-24T10:00:00+01:00",
            "2026-03-24T10:00:00+00:00Z",
            "2026-03-24T10:00:00.Z",
            "2026-03-24T10:00:00.1234567Z",
            "2026-03-24T24:00:00Z",
            "2026-03-24T23:59:60Z",
            "2026-02-30T10:00:00Z",
            "2025-02-29T10:00:00Z",
            "+002026-03-24T10:00:00Z",
            "1767225600",
        ] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_has_six_digits() {
        let at = "2026-03-24T10:00:00Z".parse().expect("a timestamp");
        assert_eq!(serde_json::to_string(&Moment(at)).expect("JSON"), "\"2026-03-24T10:00:00.000000Z\"");
    }
}
