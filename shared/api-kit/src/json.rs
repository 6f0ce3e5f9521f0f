//! JSON as callers send it. A key may occur only once, and a text must not contain NUL, which Postgres cannot store.

mod numbers;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

const NUL: &str = "a string contains NUL";
const DUPLICATE: &str = "an object has the same key twice";

/// Where the first number is that cannot be kept exactly. The text was parsed before.
pub fn first_inexact_number(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().and_then(numbers::first_inexact)
}

/// Parses strictly. `serde_json` refuses unpaired surrogates and more than 128 levels.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|error| {
        let message = error.to_string();
        // These messages quote only positions and expected tokens.
        if error.is_data() || error.is_syntax() || error.is_eof() { message } else { "it cannot be read".to_owned() }
    })
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

fn text<E: Error>(text: String) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(text) }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        text(value.to_owned()).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Strict(value) = entries.next_value()?;
            if object.insert(text(key)?, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read() {
        let value = parse(br#"{"a": [1, -2, 2.5, null, true, "\ud83d\ude00"], "b": {}}"#).expect("valid");
        assert_eq!(value["a"][5], "\u{1f600}");
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            &b""[..],
            b"{",
            b"{\"a\":1,}",
            b"{} {}",
            b"{\"a\":\"\\ud800\"}",
            b"\xff",
            b"{\"a\":\"\xff\"}",
            b"NaN",
            b"{'a':1}",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert!(parse(br#"{"a":{"b":1,"b":2}}"#).expect_err("twice").contains(DUPLICATE));
        assert!(parse(br#"{"a":"\u0000"}"#).expect_err("NUL").contains(NUL));
        assert!(parse("[".repeat(200).as_bytes()).is_err());
    }
}
