//! Numbers that would not be kept as they were sent.
//!
//! A number is kept as `u64`, `i64` or `f64`. Of another one, such as `18446744073709551616` or `0.12345678901234567890`,
//! digits would be lost without a word.

use serde_json::Number;

/// Where the first number is that would change: `metadata.limits[2]`. The text has to be JSON.
pub(super) fn first_inexact(json: &str) -> Option<String> {
    let mut path = Path::default();
    let mut rest = json;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' => {
                let length = string_length(rest);
                path.string(&rest[..length]);
                length
            }
            '-' | '0'..='9' => {
                let end = rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'));
                let length = end.unwrap_or(rest.len());
                if !is_exact(&rest[..length]) {
                    return Some(path.to_string());
                }
                length
            }
            mark => {
                path.mark(mark);
                mark.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    None
}

/// The length of the string at the beginning, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The place in the document.
#[derive(Default)]
struct Path(Vec<Within>);

enum Within {
    Object { key: String, before_colon: bool },
    Array { index: usize },
}

impl Path {
    fn string(&mut self, literal: &str) {
        if let Some(Within::Object { key, before_colon: true }) = self.0.last_mut() {
            *key = serde_json::from_str(literal).unwrap_or_default();
        }
    }

    fn mark(&mut self, mark: char) {
        match (mark, self.0.last_mut()) {
            ('{', _) => self.0.push(Within::Object { key: String::new(), before_colon: true }),
            ('[', _) => self.0.push(Within::Array { index: 0 }),
            ('}' | ']', _) => drop(self.0.pop()),
            (':', Some(Within::Object { before_colon, .. })) => *before_colon = false,
            (',', Some(Within::Object { before_colon, .. })) => *before_colon = true,
            (',', Some(Within::Array { index })) => *index += 1,
            _ => {}
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (depth, within) in self.0.iter().enumerate() {
            match within {
                Within::Object { key, .. } => write!(f, "{}{key}", if depth == 0 { "" } else { "." })?,
                Within::Array { index } => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Whether the number is the same after it was read and written.
fn is_exact(literal: &str) -> bool {
    let written = serde_json::from_str::<Number>(literal).map(|number| number.to_string());
    written.is_ok_and(|written| Decimal::of(literal) == Decimal::of(&written))
}

/// A number's value, in one form only: digits without zeros at either end, times a power of ten.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(literal: &str) -> Self {
        let (negative, literal) = literal.strip_prefix('-').map_or((false, literal), |rest| (true, rest));
        let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        let cut = i64::try_from(digits.len() - significant.len()).unwrap_or(i64::MAX);
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Self { negative: false, digits: String::new(), exponent: 0 };
        }
        let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
        let fraction = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        Self {
            negative,
            digits: significant.to_owned(),
            exponent: exponent.saturating_sub(fraction).saturating_add(cut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_change_is_found_where_it_is() {
        for (json, place) in [
            (r#"{"metadata": {"n": 18446744073709551616}}"#, "metadata.n"),
            (r#"{"a": 1, "metadata": {"deep": [1, {"x": [0, 1.00000000000000000001]}]}}"#, "metadata.deep[1].x[1]"),
            (r#"{"s": "1e999, \"18446744073709551616\" \\", "n": -9223372036854775809}"#, "n"),
            (r#"{"é\n": 0.12345678901234567890}"#, "é\n"),
            ("[1, 9007199254740993.5]", "[1]"),
            ("1e-400", ""),
            ("123456789012345678901234567890", ""),
        ] {
            assert_eq!(first_inexact(json).as_deref(), Some(place), "{json}");
        }
    }

    #[test]
    fn numbers_that_are_kept_are_let_through() {
        for exact in [
            "0",
            "-0",
            "-0.0",
            "0e5",
            "1",
            "-1",
            "18446744073709551615",
            "-9223372036854775808",
            "1.0",
            "1.50",
            "1e5",
            "1E+5",
            "10e-1",
            "0.1",
            "123456789.125",
            "1e300",
            "5e-324",
            "9007199254740993",
            "1.7976931348623157e308",
            "100000000000000000000",
            "1e22",
        ] {
            assert_eq!(first_inexact(&format!("{{\"a\": [{exact}]}}")), None, "{exact}");
        }
        assert_eq!(first_inexact(r#"{"a": "x", "b": [true, null, {}], "c": "\u0031"}"#), None);
    }
}
