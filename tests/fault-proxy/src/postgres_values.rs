//! The parameters of a `Bind` message, as a rule sees them.

use std::fmt::Write as _;

use uuid::Uuid;

/// OIDs of types whose binary form is understood. <https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat>
mod oid {
    pub const BOOL: u32 = 16;
    pub const BYTEA: u32 = 17;
    pub const NAME: u32 = 19;
    pub const INT8: u32 = 20;
    pub const INT2: u32 = 21;
    pub const INT4: u32 = 23;
    pub const TEXT: u32 = 25;
    pub const JSON: u32 = 114;
    pub const FLOAT4: u32 = 700;
    pub const FLOAT8: u32 = 701;
    pub const TEXT_ARRAY: u32 = 1009;
    pub const BPCHAR: u32 = 1042;
    pub const VARCHAR: u32 = 1043;
    pub const UUID: u32 = 2950;
    pub const UUID_ARRAY: u32 = 2951;
    pub const JSONB: u32 = 3802;
}

/// A message ends before its last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut;

/// Takes a message apart.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Cut> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn int2(&mut self) -> Result<i16, Cut> {
        self.bytes(2)?.try_into().map(i16::from_be_bytes).map_err(|_| Cut)
    }

    fn int4(&mut self) -> Result<i32, Cut> {
        self.bytes(4)?.try_into().map(i32::from_be_bytes).map_err(|_| Cut)
    }

    /// A length and so many bytes; `None` for NULL.
    fn value(&mut self) -> Result<Option<&'a [u8]>, Cut> {
        let len = self.int4()?;
        if len == -1 { Ok(None) } else { self.bytes(usize::try_from(len).map_err(|_| Cut)?).map(Some) }
    }
}

/// Adds ` $1=… $2=…` to the text. `bound`: a `Bind` message after the names. `types`: OIDs, where they are known.
/// Where the message ends too early, what came before is added.
pub(crate) fn parameters(bound: &[u8], types: &[u32], text: &mut Vec<u8>) -> Result<(), Cut> {
    let mut message = Reader(bound);
    let formats = (0..message.int2()?).map(|_| message.int2()).collect::<Result<Vec<_>, _>>()?;
    for place in 0..usize::try_from(message.int2()?).map_err(|_| Cut)? {
        let value = message.value()?;
        // None: all are text; one: all are of that format.
        let binary = formats.get(if formats.len() == 1 { 0 } else { place }).is_some_and(|format| *format == 1);
        text.extend_from_slice(format!(" ${}=", place + 1).as_bytes());
        match value {
            None => text.extend_from_slice(b"NULL"),
            Some(value) if binary => {
                let kind = types.get(place).copied().unwrap_or_default();
                text.extend_from_slice(known(kind, value).unwrap_or_else(|| guessed(value)).as_bytes());
            }
            Some(value) => text.extend_from_slice(value),
        }
    }
    Ok(())
}

/// A binary value of a type that is understood.
fn known(kind: u32, value: &[u8]) -> Option<String> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match kind {
        oid::BOOL => Some((value == [1]).to_string()),
        oid::INT2 | oid::INT4 | oid::INT8 => integer(value),
        oid::FLOAT4 => value.try_into().ok().map(|bytes| f32::from_be_bytes(bytes).to_string()),
        oid::FLOAT8 => value.try_into().ok().map(|bytes| f64::from_be_bytes(bytes).to_string()),
        oid::UUID => uuid(value),
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::JSON => Some(text(value)),
        // Its first byte is the version of the format.
        oid::JSONB => value.get(1..).map(text),
        oid::BYTEA => Some(hex(value)),
        oid::TEXT_ARRAY | oid::UUID_ARRAY => array(value).ok(),
        _ => None,
    }
}

/// A binary value of another type, or of one that only the server knows: text if it can be, else by its length.
fn guessed(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => text.to_owned(),
        _ => uuid(value).or_else(|| integer(value)).unwrap_or_else(|| hex(value)),
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

fn uuid(value: &[u8]) -> Option<String> {
    Uuid::from_slice(value).ok().map(|uuid| uuid.hyphenated().to_string())
}

/// As Postgres writes `bytea`.
fn hex(value: &[u8]) -> String {
    value.iter().fold("\\x".to_owned(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// An array of one dimension or of none, as `{a,b}` without quotes.
fn array(value: &[u8]) -> Result<String, Cut> {
    let mut message = Reader(value);
    let (dimensions, _has_null, kind) = (message.int4()?, message.int4()?, message.int4()?.cast_unsigned());
    if dimensions == 0 {
        return Ok("{}".to_owned());
    }
    let (len, _first) = (message.int4()?, message.int4()?);
    let element = |value: Option<&[u8]>| match value {
        None => "NULL".to_owned(),
        Some(value) => known(kind, value).unwrap_or_else(|| guessed(value)),
    };
    let elements = (0..len).map(|_| message.value().map(element)).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{{{}}}", elements.join(",")))
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
            (oid::UUID, &id.as_bytes()[..], "0198c0de-0000-7000-8000-0000000000ff"),
            (oid::INT4, &four, "1718580594"),
            (oid::TEXT, &four, "four"),
            (oid::INT2, &[255, 254], "-2"),
            (oid::INT8, &[0, 0, 0, 0, 0, 0, 1, 0], "256"),
            (oid::BOOL, &[1], "true"),
            (oid::BOOL, &[0], "false"),
            (oid::FLOAT8, &1.5_f64.to_be_bytes(), "1.5"),
            (oid::JSONB, b"\x01{\"a\": 1}", "{\"a\": 1}"),
            (oid::BYTEA, &[0, 171], "\\x00ab"),
            (oid::TEXT_ARRAY, &array.concat(), "{a,NULL}"),
            (oid::TEXT_ARRAY, &[0; 12], "{}"),
            // A length that the type does not have.
            (oid::INT4, b"abc", "abc"),
        ] {
            assert_eq!(text(&bound(&[1], &[Some(value)]), &[kind]), format!(" $1={expected}"), "{kind}");
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
        assert_eq!(text(&bound(&[], &values[..1]), &[oid::UUID]), " $1=acme corp", "of text format");
        assert_eq!(text(&bound(&[0, 1], &[Some(b"7"), Some(&[0, 7])]), &[oid::INT2; 2]), " $1=7 $2=7");
    }

    #[test]
    fn what_comes_before_a_cut_is_there() {
        let whole = bound(&[], &[Some(b"a"), Some(b"bc")]);
        assert_eq!(text(&whole[..whole.len() - 1], &[]), " $1=a cut");
        assert_eq!(text(&[], &[]), " cut");
        assert_eq!(text(&[255; 40], &[]), " cut");
    }
}
