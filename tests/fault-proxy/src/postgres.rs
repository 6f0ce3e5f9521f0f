//! Postgres' messages: where calls and their replies end, and what the statements of a call say.
//! <https://www.postgresql.org/docs/current/protocol.html>
//!
//! A call is what the client sends up to and including a message that the server answers with `ReadyForQuery`: `Sync`, a
//! simple `Query` or a `FunctionCall`. What belongs to no call is passed on at once: start-up, authentication, data of a
//! `COPY`, `Terminate`, and messages that are not known here. So is the part of a call that ends with `Flush`, since its
//! client waits for an answer before it ends the call.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::frames::{Malformed, Part};
use crate::postgres_values as values;

/// Version 3 of the protocol, in the upper half of a start-up message's code.
const VERSION: i32 = 3;
/// The code of a message that asks to cancel what another connection is doing.
const CANCEL: i32 = 80_877_102;
/// A start-up message is no longer than this, in bytes; the server's own limit.
const LONGEST_START_UP: usize = 10_000;
/// A call with a statement.
const QUERY: &str = "QUERY";
/// Characters of a statement that the log shows.
const SHOWN: usize = 200;

/// What stands at the beginning of the client's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// No complete call yet.
    Incomplete,
    /// So many bytes that no rule looks at.
    Pass {
        len: usize,
        /// Whether the server answers them with a `ReadyForQuery` of their own.
        answered: bool,
    },
    /// A call of so many bytes.
    Call { len: usize, statement: Statement },
}

/// What a call says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// For rules: each statement's SQL, then its parameters as ` $1=…`.
    pub text: Vec<u8>,
    /// For the log: the SQL without parameters; of a simple query, which may hold literals, only its first word.
    pub shown: Option<String>,
    /// For the log: what the call is.
    pub method: &'static str,
}

/// Cuts what a client sends into calls. The bytes are given again from the last cut on each time, with more behind them.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    state: State,
    /// What the client is connected to.
    database: Vec<u8>,
    /// Bytes of the messages read since the last cut.
    read: usize,
    call: Statement,
    /// The statement that the current call has parsed and not yet bound; its SQL stands in the text already.
    parsed: Option<Vec<u8>>,
    /// By name, of the connection.
    prepared: HashMap<Vec<u8>, Prepared>,
}

/// What the next message can be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    StartUp,
    /// No call has begun.
    Idle,
    /// No call has begun since a `Sync`.
    Synced,
    /// Only data of a COPY have come since a `Sync`.
    Copying,
    /// A call has begun.
    Open,
}

#[derive(Debug, Clone)]
struct Prepared {
    sql: Arc<str>,
    /// OIDs of the parameters' types as far as the client has named them; 0: it leaves it to the server.
    types: Arc<[u32]>,
}

impl Calls {
    /// What the client is connected to; empty before its start-up message.
    pub fn database(&self) -> &[u8] {
        &self.database
    }

    /// Reads on until something can be cut off.
    pub fn next(&mut self, sent: &[u8]) -> Result<Next, Malformed> {
        if self.state == State::StartUp {
            return self.start_up(sent);
        }
        while let Some((kind, body)) = message(&sent[self.read..])? {
            self.read += body.len() + 5;
            match kind {
                b'P' => self.parse(body),
                b'B' => self.bind(body),
                b'C' => self.close(body),
                b'D' | b'E' => {}
                b'd' | b'c' | b'f' => {
                    if self.state == State::Synced {
                        self.state = State::Copying;
                    }
                    return Ok(self.pass(false));
                }
                // The server has ignored the `Sync` before the data of a COPY: this one ends the same call.
                b'S' if self.state == State::Copying => {
                    self.state = State::Synced;
                    return Ok(self.pass(false));
                }
                b'S' => {
                    let method = if self.call.shown.is_some() { QUERY } else { "SYNC" };
                    return Ok(self.end(method, State::Synced));
                }
                b'F' => return Ok(self.end("FUNCTION", State::Idle)),
                b'Q' => {
                    self.query(body);
                    return Ok(self.end(QUERY, State::Idle));
                }
                _ => return Ok(self.pass(false)),
            }
            self.state = State::Open;
        }
        Ok(Next::Incomplete)
    }

    fn start_up(&mut self, sent: &[u8]) -> Result<Next, Malformed> {
        let (Some(len), Some(code)) = (int(sent), sent.get(4..).and_then(int)) else { return Ok(Next::Incomplete) };
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        if !(8..=LONGEST_START_UP).contains(&len) || (code >> 16 != VERSION && code != CANCEL) {
            return Err(Malformed);
        }
        if sent.len() < len {
            return Ok(Next::Incomplete);
        }
        self.state = State::Idle;
        self.database = database(&sent[8..len]).to_vec();
        Ok(Next::Pass { len, answered: code != CANCEL })
    }

    fn pass(&mut self, answered: bool) -> Next {
        Next::Pass { len: std::mem::take(&mut self.read), answered }
    }

    fn end(&mut self, method: &'static str, state: State) -> Next {
        self.state = state;
        self.parsed = None;
        let mut statement = Statement { method, ..std::mem::take(&mut self.call) };
        if let Some(shown) = &mut statement.shown
            && let Some((cut, _)) = shown.char_indices().nth(SHOWN)
        {
            shown.truncate(cut);
        }
        Next::Call { len: std::mem::take(&mut self.read), statement }
    }

    fn query(&mut self, body: &[u8]) {
        let sql = collapse(&String::from_utf8_lossy(string(body).map_or(body, |(sql, _)| sql)));
        let word = sql.find(|c: char| !c.is_ascii_alphabetic()).map_or(&*sql, |end| &sql[..end]);
        self.call.add(&sql, word);
    }

    /// A message that cannot be read is the server's to refuse.
    fn parse(&mut self, body: &[u8]) {
        let Some((name, rest)) = string(body) else { return };
        let Some((sql, rest)) = string(rest) else { return };
        let types = rest.get(2..).unwrap_or_default().chunks_exact(4).map(|oid| int(oid).map_or(0, i32::cast_unsigned));
        let prepared = Prepared { sql: collapse(&String::from_utf8_lossy(sql)).into(), types: types.collect() };
        self.call.add(&prepared.sql, &prepared.sql);
        self.parsed = Some(name.to_vec());
        self.prepared.insert(name.to_vec(), prepared);
    }

    fn bind(&mut self, body: &[u8]) {
        let Some((_portal, rest)) = string(body) else { return };
        let Some((name, rest)) = string(rest) else { return };
        let prepared = self.prepared.get(name);
        if self.parsed.take().is_none_or(|parsed| parsed != name)
            && let Some(Prepared { sql, .. }) = prepared
        {
            self.call.add(sql, sql);
        }
        let types = prepared.map(|prepared| &*prepared.types).unwrap_or_default();
        // What could not be read of the parameters is left out.
        let _ = values::parameters(rest, types, &mut self.call.text);
    }

    fn close(&mut self, body: &[u8]) {
        if let Some((b'S', name)) = body.split_first()
            && let Some((name, _)) = string(name)
        {
            self.prepared.remove(name);
        }
    }
}

impl Statement {
    fn add(&mut self, sql: &str, shown: &str) {
        if !self.text.is_empty() {
            self.text.push(b' ');
        }
        self.text.extend_from_slice(sql.as_bytes());
        match &mut self.shown {
            Some(before) if before.len() < SHOWN * 4 => {
                // Writing to a string does not fail.
                let _ = write!(before, " {shown}");
            }
            Some(_) => {}
            None => self.shown = Some(shown.to_owned()),
        }
    }
}

/// Of a start-up message's parameters, the database; without one the server takes the user's name for it.
fn database(parameters: &[u8]) -> &[u8] {
    let mut words = parameters.split(|byte| *byte == 0);
    let mut user: &[u8] = b"";
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        match name {
            b"database" => return value,
            b"user" => user = value,
            _ => {}
        }
    }
    user
}

/// Finds the ends of a server's replies in a stream given piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    /// The current message's type and length so far.
    header: Vec<u8>,
    /// Bytes of the current message still to come after its header.
    skip: usize,
}

impl Replies {
    /// Goes to the next end of a reply, to where the server asks for data, or to the end of `bytes`.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Part, Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            if self.header.len() < 5 {
                let len = (5 - self.header.len()).min(bytes.len() - at);
                self.header.extend_from_slice(&bytes[at..at + len]);
                at += len;
                if self.header.len() < 5 {
                    break;
                }
                let len = int(&self.header[1..]).and_then(|len| usize::try_from(len).ok()).ok_or(Malformed)?;
                self.skip = len.checked_sub(4).ok_or(Malformed)?;
            }
            let len = self.skip.min(bytes.len() - at);
            at += len;
            self.skip -= len;
            if self.skip > 0 {
                break;
            }
            let kind = self.header[0];
            self.header.clear();
            // ReadyForQuery; CopyInResponse, CopyBothResponse.
            let (ends, asks) = (kind == b'Z', matches!(kind, b'G' | b'W'));
            if ends || asks {
                return Ok(Part { len: at, ends, asks, push: false });
            }
        }
        Ok(Part { len: at, ..Part::default() })
    }
}

/// The type and the body of the message that the bytes begin with, once it is complete.
fn message(bytes: &[u8]) -> Result<Option<(u8, &[u8])>, Malformed> {
    let Some(len) = bytes.get(1..).and_then(int) else { return Ok(None) };
    let len = usize::try_from(len).ok().filter(|len| *len >= 4).ok_or(Malformed)?;
    Ok(bytes.get(5..=len).map(|body| (bytes[0], body)))
}

fn int(bytes: &[u8]) -> Option<i32> {
    bytes.first_chunk().copied().map(i32::from_be_bytes)
}

/// A zero-terminated string, and what follows.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// SQL on one line: without the comment lines it begins with, and with single spaces for all white space.
fn collapse(sql: &str) -> String {
    let mut rest = sql.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
    }
    let mut line = String::with_capacity(rest.len());
    for word in rest.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// What a client gets whose statement is refused: `ErrorResponse` with an SQLSTATE, and `ReadyForQuery` outside of any
/// transaction.
pub(crate) fn refusal(code: &str, message: &str) -> Vec<u8> {
    let mut fields = Vec::new();
    for (field, value) in [(b'S', "ERROR"), (b'V', "ERROR"), (b'C', code), (b'M', message)] {
        fields.push(field);
        // A zero would end the field.
        fields.extend(value.bytes().filter(|byte| *byte != 0));
        fields.push(0);
    }
    fields.push(0);
    let mut bytes = vec![b'E'];
    // No test writes a message of 4 GB.
    bytes.extend(u32::try_from(fields.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(fields);
    bytes.extend(b"Z\0\0\0\x05I");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
        [&[kind], &len[..], body].concat()
    }

    fn start_up() -> Vec<u8> {
        b"\0\0\0\x0f\0\x03\0\0user\0a\0".to_vec()
    }

    fn parse(name: &str, sql: &str) -> Vec<u8> {
        message(b'P', format!("{name}\0{sql}\0\0\0").as_bytes())
    }

    /// One parameter, as text.
    fn bind(name: &str, value: &str) -> Vec<u8> {
        let len = u8::try_from(value.len()).expect("short");
        message(b'B', &[format!("\0{name}\0\0\0\0\x01\0\0\0").as_bytes(), &[len], value.as_bytes(), &[0, 0]].concat())
    }

    fn sync() -> Vec<u8> {
        message(b'S', b"")
    }

    /// What is cut off the stream, with the bytes given `step` at a time: `|` for a call, with its text, and its method and
    /// what the log shows of it, and `-` for what passes, `=` where that is answered.
    fn cut(stream: &[Vec<u8>], step: usize) -> Vec<String> {
        let (mut calls, mut sent, mut found) = (Calls::default(), Vec::new(), Vec::new());
        for piece in stream.concat().chunks(step) {
            sent.extend_from_slice(piece);
            while !sent.is_empty() {
                let (len, what) = match calls.next(&sent).expect("Postgres") {
                    Next::Incomplete => break,
                    Next::Pass { len, answered } => (len, if answered { "=" } else { "-" }.to_owned()),
                    Next::Call { len, statement: Statement { text, shown, method } } => {
                        let text = String::from_utf8(text).expect("text");
                        (len, format!("|{text}|{method} {}", shown.unwrap_or_default()))
                    }
                };
                sent.drain(..len);
                found.push(format!("{len}{what}"));
            }
        }
        assert!(sent.is_empty(), "{sent:?} is left");
        found
    }

    #[track_caller]
    fn expect(stream: &[Vec<u8>], expected: &[String]) {
        for step in [1, 2, 3, 7, 1 << 20] {
            assert_eq!(cut(stream, step), expected, "{step} bytes at a time");
        }
    }

    fn len(messages: &[Vec<u8>]) -> usize {
        messages.iter().map(Vec::len).sum()
    }

    #[test]
    fn calls_end_where_the_server_answers() {
        let password = message(b'p', b"secret\0");
        let query = message(b'Q', b"  -- a comment\n -- another\nALTER ROLE a\n PASSWORD 'secret'\0");
        let typed = [
            parse("", "-- why\nSELECT 1\n  WHERE $1"),
            message(b'D', b"S\0"),
            bind("", "a b"),
            message(b'E', b"\0\0\0\0\0"),
        ];
        let stream = [&[start_up(), password, query.clone()], &typed[..], &[sync(), message(b'X', b"")]].concat();
        let expected = [
            "15=".to_owned(),
            "12-".to_owned(),
            format!("{}|ALTER ROLE a PASSWORD 'secret'|QUERY ALTER", query.len()),
            format!("{}|SELECT 1 WHERE $1 $1=a b|QUERY SELECT 1 WHERE $1", len(&typed) + 5),
            "5-".to_owned(),
        ];
        expect(&stream, &expected);
    }

    #[test]
    fn a_prepared_statement_is_remembered_until_it_is_closed() {
        let prepare = [parse("s0", "SELECT $1"), message(b'D', b"Ss0\0"), sync()];
        let run = [bind("s0", "a"), bind("s0", "b"), sync()];
        let close = [message(b'C', b"Ss0\0"), sync()];
        let stream = [&[start_up()], &prepare[..], &run, &close, &run].concat();
        let expected = [
            "15=".to_owned(),
            format!("{}|SELECT $1|QUERY SELECT $1", len(&prepare)),
            format!("{}|SELECT $1 $1=a SELECT $1 $1=b|QUERY SELECT $1 SELECT $1", len(&run)),
            format!("{}||SYNC ", len(&close)),
            format!("{}| $1=a $1=b|SYNC ", len(&run)),
        ];
        expect(&stream, &expected);
    }

    #[test]
    fn copied_data_pass_and_one_sync_is_ignored() {
        let data = [message(b'd', b"1\n"), message(b'c', b"")];
        let begin = [parse("", "COPY t FROM STDIN"), bind("", ""), sync()];
        let simple = [message(b'Q', b"COPY t FROM STDIN\0")];
        let stream = [&[start_up()], &begin[..], &data, &[sync(), sync()], &simple, &data, &[sync()]].concat();
        let expected = [
            "15=".to_owned(),
            format!("{}|COPY t FROM STDIN $1=|QUERY COPY t FROM STDIN", len(&begin)),
            "7-".to_owned(),
            "5-".to_owned(),
            "5-".to_owned(),
            "5||SYNC ".to_owned(),
            format!("{}|COPY t FROM STDIN|QUERY COPY", len(&simple)),
            "7-".to_owned(),
            "5-".to_owned(),
            "5||SYNC ".to_owned(),
        ];
        expect(&stream, &expected);
    }

    #[test]
    fn what_is_flushed_passes_and_is_remembered() {
        let (flushed, rest) = ([parse("", "SELECT $1"), message(b'H', b"")], [bind("", "a"), sync()]);
        let stream = [&[start_up()], &flushed[..], &rest].concat();
        let expected =
            ["15=".to_owned(), format!("{}-", len(&flushed)), format!("{}|SELECT $1 $1=a|QUERY SELECT $1", len(&rest))];
        expect(&stream, &expected);
    }

    #[test]
    fn the_log_shows_200_characters() {
        let sql = "é".repeat(300);
        let stream = [start_up(), parse("", &sql), parse("", &sql), sync()].concat();
        let mut calls = Calls::default();
        assert_eq!(calls.next(&stream), Ok(Next::Pass { len: 15, answered: true }));
        let Ok(Next::Call { statement, .. }) = calls.next(&stream[15..]) else { panic!("no call") };
        assert_eq!(statement.shown, Some("é".repeat(200)));
        assert_eq!(statement.text, format!("{sql} {sql}").into_bytes());
    }

    #[test]
    fn other_bytes_are_told_from_postgres() {
        assert_eq!(Calls::default().next(b"\0\0\0\x10\x04\xd2\x16\x2e"), Ok(Next::Incomplete), "cut short");
        let cancel = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02";
        assert_eq!(Calls::default().next(cancel), Ok(Next::Pass { len: 16, answered: false }));
        for bytes in [&b"\x16\x03\x01\x02\0\x01\0\x01"[..], b"GET / HTTP/1.1\r\n", b"\0\0\0\x04\0\x03\0\0"] {
            assert_eq!(Calls::default().next(bytes), Err(Malformed), "{bytes:?}");
        }
        let mut calls = Calls::default();
        assert!(calls.next(&start_up()).is_ok());
        assert_eq!(calls.next(b"Q\0\0\0\x03"), Err(Malformed));
    }

    #[test]
    fn replies_end_where_they_end_however_they_arrive() {
        let ready = message(b'Z', b"I");
        let reply =
            [message(b'1', b""), message(b'D', b"a row: Z\0\0\0\x05I"), message(b'C', b"SELECT 1\0"), ready].concat();
        let ask = message(b'G', b"\0\0\0");
        let stream = [reply.clone(), ask, reply.clone()].concat();
        for step in [1, 2, 3, 7, stream.len()] {
            let (mut replies, mut found, mut at) = (Replies::default(), Vec::new(), 0);
            for piece in stream.chunks(step) {
                let mut rest = piece;
                while !rest.is_empty() {
                    let part = replies.advance(rest).expect("Postgres");
                    (rest, at) = (&rest[part.len..], at + part.len);
                    if part.ends || part.asks {
                        found.push((at, part.ends));
                    }
                }
            }
            let expected = [(reply.len(), true), (reply.len() + 8, false), (stream.len(), true)];
            assert_eq!(found, expected, "{step} bytes at a time");
        }
        assert_eq!(Replies::default().advance(b"E\0\0\0\x03"), Err(Malformed));
    }

    #[test]
    fn a_refusal_is_one_reply() {
        let bytes = refusal("40001", "no\0");
        assert_eq!(bytes, b"E\0\0\0\x1eSERROR\0VERROR\0C40001\0Mno\0\0Z\0\0\0\x05I");
        let part = Part { len: bytes.len(), ends: true, ..Part::default() };
        assert_eq!(Replies::default().advance(&bytes), Ok(part));
    }
}
