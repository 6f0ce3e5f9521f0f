//! Lists in pages. A cursor names the last row of a page, so pages stay right while rows are added.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::Fields;
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use crate::{Answer, Request, csv};

/// The most bytes of a page as it is sent. A function's answer may have 6 MB, headers included.
const MAX_BYTES: usize = 5_500_000;

/// Names the last row of a page, in lists that are sorted by time and then by id, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The row's time, to the microsecond.
    pub at: Timestamp,
    /// The row's id.
    pub id: Uuid,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.at.as_microsecond().to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The text is not the cursor of a page.
#[derive(Debug, thiserror::Error)]
#[error("must be the cursor of a page's Link header, as it was given")]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let bytes: [u8; 24] = bytes.try_into().map_err(|_| BadCursor)?;
        let (at, id) = bytes.split_first_chunk().ok_or(BadCursor)?;
        // The year is between 1970 and 8800, which is exactly what the documented pattern allows.
        let at = Some(i64::from_be_bytes(*at)).filter(|at| (0..3 << 56).contains(at)).ok_or(BadCursor)?;
        let at = Timestamp::from_microsecond(at).map_err(|_| BadCursor)?;
        Ok(Self { at, id: Uuid::from_slice(id).map_err(|_| BadCursor)? })
    }
}

/// How many rows a page holds at most: 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit(usize);

/// The text is not a valid number of rows.
#[derive(Debug, thiserror::Error)]
#[error("must be a whole number from 1 to 10000")]
struct BadLimit;

impl FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        // `parse` would also accept a leading plus.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|limit| digits && (1..=10_000).contains(limit)).map(Self).ok_or(BadLimit)
    }
}

/// The page that is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    after: Option<Cursor>,
    limit: usize,
}

impl Page {
    /// The default is the maximum, so that a caller who ignores pages gets everything.
    const DEFAULT: usize = 10_000;

    /// Reads `limit` and `cursor`.
    #[must_use]
    pub fn read(fields: &mut Fields<'_>) -> Self {
        let limit = fields.optional::<Limit>("limit").map_or(Self::DEFAULT, |limit| limit.0);
        Self { after: fields.optional("cursor"), limit }
    }

    /// Time and id of the last row of the page before, unless this is the first page.
    #[must_use]
    pub fn after(&self) -> Option<(Timestamp, Uuid)> {
        self.after.map(|cursor| (cursor.at, cursor.id))
    }

    /// How many rows to query: one more than the page holds, which shows whether there is another page.
    #[must_use]
    pub fn rows(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The page's answer: an array, and a `Link` to the next page if there is one. `path` is the route's. `cut` means
    /// that there are more rows than were read.
    #[must_use]
    pub fn answer<R: Serialize>(
        &self,
        request: &Request,
        path: &str,
        rows: impl IntoIterator<Item = (Cursor, R)>,
        cut: bool,
    ) -> Answer {
        let rows = rows.into_iter().map(|(cursor, row)| (cursor, serde_json::to_vec(&row).unwrap_or_default()));
        self.written(request, path, rows, cut, ["[", ",", "]"])
    }

    /// The same page as CSV (RFC 4180): the names of its columns, and a line for each row.
    #[must_use]
    pub fn csv<const COLUMNS: usize>(
        &self,
        request: &Request,
        path: &str,
        columns: [&str; COLUMNS],
        rows: impl IntoIterator<Item = (Cursor, [String; COLUMNS])>,
        cut: bool,
    ) -> Answer {
        let rows = rows.into_iter().map(|(cursor, row)| (cursor, csv::line(&row).into_bytes()));
        self.written(request, path, rows, cut, [&csv::line(&columns), "", ""])
            .with_header("content-type", csv::MEDIA_TYPE.to_owned())
    }

    /// A page of written rows, with what stands before, between and after them.
    fn written(
        &self,
        request: &Request,
        path: &str,
        rows: impl Iterator<Item = (Cursor, Vec<u8>)>,
        cut: bool,
        [before, between, after]: [&str; 3],
    ) -> Answer {
        let mut body = before.as_bytes().to_vec();
        let (mut count, mut last, mut bytes) = (0, None, 0);
        let mut more = cut;
        for (cursor, row) in rows {
            bytes += sent(&row);
            if count == self.limit || (count > 0 && bytes > MAX_BYTES) {
                more = true;
                break;
            }
            if count > 0 {
                body.extend_from_slice(between.as_bytes());
            }
            body.extend_from_slice(&row);
            (count, last) = (count + 1, Some(cursor));
        }
        body.extend_from_slice(after.as_bytes());
        let answer = Answer::raw(StatusCode::OK, body);
        match last.filter(|_| more) {
            Some(cursor) => answer.with_header("link", format!("<{path}?{}>; rel=\"next\"", next(request, cursor))),
            None => answer,
        }
    }
}

/// How many bytes a row takes in a function's answer. There the body is a JSON string, so quotes, backslashes and ends of lines
/// take two.
fn sent(row: &[u8]) -> usize {
    row.len() + 1 + row.iter().filter(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n')).count()
}

/// The request's query with another cursor.
fn next(request: &Request, cursor: Cursor) -> String {
    let cursor = ("cursor", &cursor.to_string());
    let kept = request.query.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| *name != "cursor");
    // Encoding pairs of strings cannot fail.
    serde_urlencoded::to_string(kept.chain([cursor]).collect::<Vec<_>>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use lambda_http::http::HeaderMap;

    use super::*;
    use crate::Caller;

    fn request(query: &[(&str, &str)]) -> Request {
        Request {
            caller: Caller::anyone(),
            request_id: String::new(),
            correlation_id: String::new(),
            address: None,
            deadline: SystemTime::UNIX_EPOCH,
            tenant: None,
            query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            headers: HeaderMap::new(),
            body: Vec::new().into(),
        }
    }

    fn cursor(number: u128) -> Cursor {
        Cursor { at: "2026-03-24T10:00:00.000001Z".parse().expect("a timestamp"), id: Uuid::from_u128(number) }
    }

    #[test]
    fn a_cursor_survives_its_way_to_the_caller_and_back() {
        let text = cursor(7).to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(text.parse::<Cursor>().expect("a cursor"), cursor(7));
        for bad in [
            "",
            "x",
            &text[1..],
            &format!("{text}="),
            &format!("{text}AAAA"),
            "________________________________",
            "Aw______________________________",
        ] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
        assert!("Av______________________________".parse::<Cursor>().is_ok(), "the last one");
    }

    #[test]
    fn limits_are_numbers_of_rows() {
        for good in ["1", "10000", "007"] {
            assert!(good.parse::<Limit>().is_ok(), "{good}");
        }
        for bad in ["", "0", "10001", "-1", "+1", "1.0", " 1", "99999999999999999999"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_next_page_keeps_the_filters() {
        let request = request(&[("limit", "2"), ("cursor", "old"), ("tier", "pilot")]);
        let page = Page { after: None, limit: 2 };
        let answer = page.answer(&request, "/v1/x", [1, 2, 3].map(|number| (cursor(number), number)), false);
        assert_eq!(answer.body.as_deref(), Some(&b"[1,2]"[..]));
        let link = format!("</v1/x?limit=2&tier=pilot&cursor={}>; rel=\"next\"", cursor(2));
        assert_eq!(answer.headers, [("link".into(), link)]);
    }

    #[test]
    fn the_last_page_has_no_next_link() {
        let page = Page { after: None, limit: 2 };
        let answer = page.answer(&request(&[]), "/v1/x", [1, 2].map(|number| (cursor(number), number)), false);
        assert_eq!((answer.body.as_deref(), answer.headers.len()), (Some(&b"[1,2]"[..]), 0));
        let answer = page.answer(&request(&[]), "/v1/x", [(); 0].map(|()| (cursor(0), 0)), false);
        assert_eq!((answer.body.as_deref(), answer.headers.len()), (Some(&b"[]"[..]), 0));
    }

    #[test]
    fn a_page_fits_into_an_answer() {
        let page = Page { after: None, limit: 10_000 };
        // A quote is escaped in the row, and both characters are escaped again in the answer.
        for (text, rows) in [("x", 5), ("\"", 1)] {
            let large = text.repeat(1_000_000);
            let answer = page.answer(&request(&[]), "/v1/x", (0..10).map(|n| (cursor(n), large.as_str())), false);
            let body = answer.body.expect("a body");
            assert!(serde_json::to_vec(str::from_utf8(&body).expect("text")).expect("a string").len() < 6_000_000);
            assert_eq!(answer.headers, [("link".into(), format!("</v1/x?cursor={}>; rel=\"next\"", cursor(rows - 1)))]);
        }
    }

    #[test]
    fn a_page_as_csv_has_the_same_rows_and_the_same_next() {
        let page = Page { after: None, limit: 2 };
        let rows = ["one", "a,\"b\"\r\n", "three"].map(|text| (cursor(7), [text.to_owned(), String::new()]));
        let answer = page.csv(&request(&[]), "/v1/x", ["text", "empty"], rows, false);
        let expected = "text,empty\r\none,\r\n\"a,\"\"b\"\"\r\n\",\r\n";
        assert_eq!(answer.body.as_deref().map(String::from_utf8_lossy).as_deref(), Some(expected));
        let link = format!("</v1/x?cursor={}>; rel=\"next\"", cursor(7));
        assert_eq!(answer.headers, [("link".into(), link), ("content-type".into(), csv::MEDIA_TYPE.to_owned())]);
    }

    #[test]
    fn a_page_that_was_cut_before_has_a_next() {
        let page = Page { after: None, limit: 10 };
        let answer = page.answer(&request(&[]), "/v1/x", [(cursor(1), 1)], true);
        assert_eq!(answer.headers, [("link".into(), format!("</v1/x?cursor={}>; rel=\"next\"", cursor(1)))]);
    }
}
