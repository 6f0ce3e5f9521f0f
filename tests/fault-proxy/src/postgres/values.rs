//! The parameters of a `Bind` message, as a rule sees them.

use std::error::Error;

use bytes::Buf;
use tokio_postgres::types::{FromSql, Kind, Type};
use uuid::Uuid;

use crate::frames::Malformed;

/// Adds ` $1=… $2=…` to the text. `bound` is a `Bind` message after its names; `types` are OIDs, as far as they are
/// known. If the message ends too early, the values before that are still added.
pub(crate) fn parameters(mut bound: &[u8], types: &[u32], text: &mut Vec<u8>) -> Result<(), Malformed> {
    let formats = (0..bound.try_get_i16()?).map(|_| bound.try_get_i16()).collect::<Result<Vec<_>, _>>()?;
    for place in 0..usize::try_from(bound.try_get_i16()?).map_err(|_| Malformed)? {
        let value = value(&mut bound)?;
        // No format: all values are text. One format: it is that of all values.
        let is_binary = formats.get(if formats.len() == 1 { 0 } else { place }).is_some_and(|format| *format == 1);
        text.extend_from_slice(format!(" ${}=", place + 1).as_bytes());
        match value {
            None => text.extend_from_slice(b"NULL"),
            Some(value) if is_binary => {
                let kind = types.get(place).copied().and_then(Type::from_oid);
                text.extend_from_slice(shown(kind.as_ref(), value).as_bytes());
            }
            Some(value) => text.extend_from_slice(value),
        }
    }
    Ok(())
}

/// Cuts off a length and that many bytes; `None` for NULL.
fn value<'a>(message: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    match message.try_get_i32()? {
        -1 => Ok(None),
        len => message.split_off(..usize::try_from(len).map_err(|_| Malformed)?).map(Some).ok_or(Malformed),
    }
}

/// A binary value. `kind` is `None` if only the server knows the type.
fn shown(kind: Option<&Type>, value: &[u8]) -> String {
    kind.and_then(|kind| known(kind, value)).unwrap_or_else(|| guessed(value))
}

/// A binary value of one of the types that are understood.
fn known(kind: &Type, value: &[u8]) -> Option<String> {
    fn read<'a, T: FromSql<'a> + ToString>(kind: &Type, value: &'a [u8]) -> Option<String> {
        T::from_sql(kind, value).ok().map(|value| value.to_string())
    }
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match *kind {
        Type::BOOL => read::<bool>(kind, value),
        Type::INT2 | Type::INT4 | Type::INT8 => integer(value),
        Type::FLOAT4 => read::<f32>(kind, value),
        Type::FLOAT8 => read::<f64>(kind, value),
        Type::UUID => read::<Uuid>(kind, value),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON => Some(text(value)),
        // The first byte is the version of the format.
        Type::JSONB => value.get(1..).map(text),
        Type::BYTEA => Some(bytea(value)),
        _ if matches!(kind.kind(), Kind::Array(_)) => {
            let elements = Vec::<Option<Element>>::from_sql(kind, value).ok()?.into_iter();
            let elements = elements.map(|element| element.map_or_else(|| "NULL".to_owned(), |Element(text)| text));
            Some(format!("{{{}}}", elements.collect::<Vec<_>>().join(",")))
        }
        _ => None,
    }
}

/// An element of an array. It is not quoted.
struct Element(String);

impl<'a> FromSql<'a> for Element {
    fn from_sql(kind: &Type, value: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(shown(Some(kind), value)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A binary value of an unknown type: as text if it can be text, otherwise by its length.
fn guessed(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => text.to_owned(),
        _ => Uuid::from_slice(value)
            .map(|uuid| uuid.to_string())
            .ok()
            .or_else(|| integer(value))
            .unwrap_or_else(|| bytea(value)),
    }
}

fn integer(value: &[u8]) -> Option<String> {
    match value.len() {
        1 => value.first().map(ToString::to_string),
        2 => value.try_into().ok().map(|bytes| i16::from_be_bytes(bytes).to_string()),
        4 => value.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).to_string()),
        8 => value.try_into().ok().map(|bytes| i64::from_be_bytes(bytes).to_string()),
        _ => None,
    }
}

/// As Postgres writes a `bytea`.
fn bytea(value: &[u8]) -> String {
    format!("\\x{}", hex::encode(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `Bind` message after the names.
    fn bound(formats: &[i16], values: &[Option<&[u8]>]) -> Vec<u8> {
        let count = |len: usize| i16::try_from(len).expect("few").to_be_bytes();
        let mut bytes = count(formats.len()).to_vec();
        bytes.extend(formats.iter().flat_map(|format| format.to_be_bytes()));
        bytes.extend(count(values.len()));
        for value in values {
            bytes.extend(value.map_or(-1, |value| i32::try_from(value.len()).expect("short")).to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        bytes
    }

    fn text(bound: &[u8], types: &[u32]) -> String {
        let mut text = Vec::new();
        let whole = parameters(bound, types, &mut text);
        format!("{}{}", String::from_utf8(text).expect("text"), if whole.is_err() { " cut" } else { "" })
    }

    #[test]
    fn values_of_named_types() {
        let id = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_00ff);
        let four = *b"four";
        let array =
            [&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1][..], &[0, 0, 0, 1, b'a'], &[255; 4]];
        for (kind, value, expected) in [
            (Type::UUID, &id.as_bytes()[..], "0198c0de-0000-7000-8000-0000000000ff"),
            (Type::INT4, &four, "1718580594"),
            (Type::TEXT, &four, "four"),
            (Type::INT2, &[255, 254], "-2"),
            (Type::INT8, &[0, 0, 0, 0, 0, 0, 1, 0], "256"),
            (Type::BOOL, &[1], "true"),
            (Type::BOOL, &[0], "false"),
            (Type::FLOAT8, &1.5_f64.to_be_bytes(), "1.5"),
            (Type::JSONB, b"\x01{\"a\": 1}", "{\"a\": 1}"),
            (Type::BYTEA, &[0, 171], "\\x00ab"),
            (Type::TEXT_ARRAY, &array.concat(), "{a,NULL}"),
            (Type::TEXT_ARRAY, &[0; 12], "{}"),
            // The type has no value of this length.
            (Type::INT4, b"abc", "abc"),
        ] {
            assert_eq!(text(&bound(&[1], &[Some(value)]), &[kind.oid()]), format!(" $1={expected}"), "{kind}");
        }
    }

    #[test]
    fn values_of_types_left_to_the_server() {
        let id = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_00ff);
        let values = [
            Some(&b"acme corp"[..]),
            Some(id.as_bytes()),
            Some(&[0, 0, 0, 7]),
            Some(&[1]),
            None,
            Some(&[0; 3]),
            Some(b""),
        ];
        let expected = " $1=acme corp $2=0198c0de-0000-7000-8000-0000000000ff $3=7 $4=1 $5=NULL $6=\\x000000 $7=";
        assert_eq!(text(&bound(&[1], &values), &[]), expected);
        assert_eq!(text(&bound(&[], &values[..1]), &[Type::UUID.oid()]), " $1=acme corp", "of text format");
        assert_eq!(text(&bound(&[0, 1], &[Some(b"7"), Some(&[0, 7])]), &[Type::INT2.oid(); 2]), " $1=7 $2=7");
    }

    #[test]
    fn values_before_a_cut_are_shown() {
        let whole = bound(&[], &[Some(b"a"), Some(b"bc")]);
        assert_eq!(text(&whole[..whole.len() - 1], &[]), " $1=a cut");
        assert_eq!(text(&[], &[]), " cut");
        assert_eq!(text(&[255; 40], &[]), " cut");
    }
}
