//! JSON bodies, and what the server says where they are none.

use serde_json::{Map, Value};

use crate::error::{Detail, Problem, Result};

/// Where the server's parser says something went wrong.
const SOURCE: &str = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); ";

/// A body that has to be an object; the error is the parser's.
pub(crate) fn object(body: &[u8]) -> std::result::Result<Map<String, Value>, Box<Detail>> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        let reason = "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes";
        return Err(Box::new(Detail::new("not_x_content_exception", reason)));
    }
    serde_json::from_slice(body).map_err(|error| {
        Box::new(if error.is_eof() {
            Detail::new("json_e_o_f_exception", end_of_input(body))
        } else {
            let at = format!("line: {}, column: {}]", error.line(), error.column());
            Detail::new("json_parse_exception", format!("{error}\n at {SOURCE}{at}"))
        })
    })
}

/// The body of a request that configures something: settings, mappings, aliases. No body is an empty one.
pub(crate) fn configuration(body: &[u8]) -> Result<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    object(body).map_err(|cause| {
        let malformed = Detail::new("parse_exception", "Failed to parse content to map");
        match cause.value()["type"].as_str() {
            Some("not_x_content_exception") => Problem::new(500, *cause),
            _ => Problem::new(400, malformed.caused_by(*cause)),
        }
    })
}

/// The body of a request that the server reads token by token.
pub(crate) fn request(body: &[u8]) -> Result<Map<String, Value>> {
    object(body).map_err(|cause| Problem::new(400, *cause))
}

/// Names the container that was never closed, or the entry that was never finished.
fn end_of_input(body: &[u8]) -> String {
    let mut open: Vec<(u8, usize)> = Vec::new();
    let (mut in_string, mut escaped, mut last) = (false, false, b' ');
    for (at, byte) in body.iter().copied().enumerate() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
        } else {
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => open.push((byte, at)),
                b'}' | b']' => drop(open.pop()),
                _ => {}
            }
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
    }
    let at = |offset: usize| {
        let before = &body[..offset];
        let line = before.split(|byte| *byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        format!("{SOURCE}line: {line}, column: {column}]")
    };
    let (bracket, start) = open.last().copied().unwrap_or((b'{', 0));
    let container = if bracket == b'[' { "Array" } else { "Object" };
    let what = if last == b':' || last == b',' {
        format!(" within/between {container} entries")
    } else {
        format!(": expected close marker for {container} (start marker at {})", at(start))
    };
    format!("Unexpected end-of-input{what}\n at {}", at(body.len()))
}
