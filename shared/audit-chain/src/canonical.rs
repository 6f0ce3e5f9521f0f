//! The one way to write a JSON value: members sorted by the code points of their names, no spaces, numbers as plain decimals.

use std::fmt::Write as _;

use serde_json::Value;

/// The value as text.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => {
            // Strings are escaped as Postgres and Python do: what has to be, in the short form where there is one.
            let _ = write!(text, "{value}");
        }
        Value::Number(number) => text.push_str(&plain(&number.to_string())),
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // Bytes of UTF-8 have the order of code points.
            members.sort_unstable_by_key(|(name, _)| name.as_bytes());
            text.push('{');
            for (n, (name, member)) in members.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                let _ = write!(text, "{}:", Value::from(name.as_str()));
                write(member, text);
            }
            text.push('}');
        }
    }
}

/// A number of JSON without an exponent, and without zeros that say nothing.
fn plain(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let digits = [whole, fraction].concat();
    // Where the point is among the digits.
    let point = i64::try_from(whole.len()).unwrap_or_default() + exponent;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let length = i64::try_from(digits.len()).unwrap_or_default();
    let (whole, fraction) = if point <= 0 {
        (String::new(), zeros(-point) + &digits)
    } else if point >= length {
        (digits + &zeros(point - length), String::new())
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        (whole.to_owned(), fraction.to_owned())
    };
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    match (whole, fraction) {
        ("", "") => "0".to_owned(),
        ("", fraction) => format!("{sign}0.{fraction}"),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_plain_decimals() {
        for (number, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("1.50", "1.5"),
            ("-12.340", "-12.34"),
            ("100", "100"),
            ("1e2", "100"),
            ("1E+2", "100"),
            ("1.5e1", "15"),
            ("1.25e1", "12.5"),
            ("1e-7", "0.0000001"),
            ("-1.5e-3", "-0.0015"),
            ("0.5", "0.5"),
            ("10e-1", "1"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(plain(number), expected, "{number}");
        }
        assert_eq!(plain("1e300"), format!("1{}", "0".repeat(300)));
    }

    #[test]
    fn members_are_sorted_and_nothing_is_between_them() {
        let value = json!({ "b": [1, 2.50, { "z": null }], "a": true, "ab": "\"\\\n\u{1}ü\u{7f}/", "B": {}, "\u{1f600}": [], "\u{ffff}": "" });
        let expected = "{\"B\":{},\"a\":true,\"ab\":\"\\\"\\\\\\n\\u0001ü\u{7f}/\",\"b\":[1,2.5,{\"z\":null}],\"\u{ffff}\":\"\",\"\u{1f600}\":[]}";
        assert_eq!(canonical(&value), expected);
    }

    proptest! {
        /// However a number was written, it is read as the same one.
        #[test]
        fn a_plain_number_is_the_same_number(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
            let text = plain(&Value::from(number).to_string());
            // Adding nothing makes the negative zero the other one, as the canonical form does.
            prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), (number + 0.0).to_bits());
            // And so does the API, after Postgres wrote it so.
            let read: Value = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(plain(&read.to_string()), text.clone());
            let is_plain = !text.contains(['e', 'E', '+']);
            let is_short = !text.contains('.') || !text.ends_with('0');
            prop_assert!(is_plain && is_short, "{}", text);
        }
    }
}
