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
    /// What a caller may send as one: RFC 3339 with up to six digits, from 1900 to 2999.
    pub const PATTERN: &str = concat!(
        r"^(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]",
        r"(\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
    );

    fn read(text: &str) -> Option<Self> {
        let like = |text: &str, form: &str| {
            let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
            text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
        };
        let (time, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
        let (fraction, zone) = rest.split_at(rest.find(['Z', '+', '-'])?);
        let has_fraction =
            fraction.strip_prefix('.').is_some_and(|digits| like(digits, &"0".repeat(digits.len().clamp(1, 6))));
        let has_zone = zone == "Z" || (like(&zone[1..], "00:00") && zone[1..3] < *"24" && zone[4..] < *"60");
        // A leap second is no time of ours.
        let has_time = like(time, "0000-00-00T00:00:00")
            && time[17..] < *"60"
            && (time.starts_with("19") || time.starts_with('2'));
        (has_time && (fraction.is_empty() || has_fraction) && has_zone).then(|| text.parse().ok().map(Self))?
    }
}

impl FromStr for Moment {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::read(text).ok_or(Invalid("must be a time with its zone, such as 2026-03-24T10:00:00Z"))
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
    fn a_time_is_read_if_it_has_a_zone() {
        for good in [
            "2026-03-24T10:00:00Z",
            "2026-03-24T10:00:00.5Z",
            "2024-02-29T23:59:59.999999Z",
            "2026-03-24T10:00:00+00:00",
            "2026-03-24T10:00:00.25-23:59",
            "2999-12-31T23:59:59-23:59",
        ] {
            assert!(good.parse::<Moment>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "2026-03-24",
            "2026-03-24T10:00Z",
            "2026-03-24t10:00:00z",
            "2026-03-24 10:00:00Z",
            "2026-03-24T10:00:00",
            "2026-03-24T10:00:00+0100",
            "2026-03-24T10:00:00+01",
            "2026-03-24T10:00:00+24:00",
            "2026-03-24T10:00:00+01:60",
            "2026-03-24T10:00:00+00:00Z",
            "2026-03-24T10:00:00 01:00",
            "1899-12-31T23:59:59Z",
            "3000-01-01T00:00:00Z",
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
