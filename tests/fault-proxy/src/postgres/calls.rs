//! A client's messages: where its calls end, and what their statements say.
//!
//! A call ends with a message that the server answers with `ReadyForQuery`: `Sync`, a simple `Query` or a
//! `FunctionCall`. Some messages belong to no call and are passed on at once: start-up, authentication, data of a
//! `COPY`, `Terminate`, and messages that are not known here. The part of a call that ends with `Flush` is passed on as
//! well, because the client waits for an answer before it ends the call.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Buf;
use postgres_protocol::message::backend::Header;

use crate::frames::Malformed;
use crate::postgres::values;

/// Version 3 of the protocol, in the upper half of a start-up message's code.
const VERSION: i32 = 3;
/// The code of a message that asks to cancel what another connection is doing.
const CANCEL: i32 = 80_877_102;
/// The longest start-up message, in bytes. The server has the same limit.
const LONGEST_START_UP: usize = 10_000;
/// The method of a call that has a statement.
const QUERY: &str = "QUERY";
/// How many characters of a statement the log shows.
const SHOWN: usize = 200;

/// What stands at the beginning of the client's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The call is not complete yet.
    Incomplete,
    /// `len` bytes that no rule looks at.
    Pass {
        len: usize,
        /// Whether the server answers them with a separate `ReadyForQuery`.
        answered: bool,
    },
    /// A call of `len` bytes.
    Call { len: usize, statement: Statement },
}

/// What a call says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// For rules: each statement's SQL, followed by its parameters as ` $1=…`.
    pub text: Vec<u8>,
    /// For the log: the SQL without parameters. A simple query may hold literals, so only its first word is shown.
    pub shown: Option<String>,
    /// For the log: what the call is.
    pub method: &'static str,
}

/// Cuts what a client sends into calls. Each time, the bytes since the last cut are given again, with more behind them.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    state: State,
    /// The database the client is connected to.
    database: Vec<u8>,
    /// Length of the messages read since the last cut.
    read: usize,
    call: Statement,
    /// The statement that the current call has parsed and not yet bound. Its SQL is in the text already.
    parsed: Option<Vec<u8>>,
    /// The connection's prepared statements, by name.
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
    /// OIDs of the parameters' types. 0, or none at all: the client leaves the type to the server.
    types: Arc<[u32]>,
}

impl Calls {
    /// The database the client is connected to; empty before its start-up message.
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
                // The server ignored the `Sync` before the data of the COPY. This one ends the same call.
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
        let mut header = sent;
        let (Ok(len), Ok(code)) = (header.try_get_i32(), header.try_get_i32()) else { return Ok(Next::Incomplete) };
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

    /// Ignores a message that cannot be read: the server will refuse it.
    fn parse(&mut self, body: &[u8]) {
        let Some((name, rest)) = string(body) else { return };
        let Some((sql, rest)) = string(rest) else { return };
        // Their number comes first.
        let types = rest.get(2..).unwrap_or_default().as_chunks().0.iter().copied().map(u32::from_be_bytes).collect();
        let prepared = Prepared { sql: collapse(&String::from_utf8_lossy(sql)).into(), types };
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
        // Parameters that cannot be read are left out.
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

/// The database in a start-up message's parameters. If it is not there, the server takes the user's name.
fn database(parameters: &[u8]) -> &[u8] {
    let words: Vec<_> = parameters.split(|byte| *byte == 0).collect();
    let value = |name: &[u8]| words.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
    value(b"database").or_else(|| value(b"user")).unwrap_or_default()
}

/// The type and the body of the first message, once it is complete. Both sides' messages have the same header.
fn message(bytes: &[u8]) -> Result<Option<(u8, &[u8])>, Malformed> {
    let Some(header) = Header::parse(bytes).map_err(|_| Malformed)? else { return Ok(None) };
    let len = usize::try_from(header.len()).map_err(|_| Malformed)?;
    Ok(bytes.get(5..=len).map(|body| (header.tag(), body)))
}

/// A zero-terminated string, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// SQL on one line: without the comment lines at its beginning, and with all white space as single spaces.
fn collapse(sql: &str) -> String {
    let mut rest = sql.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
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

    /// Binds one parameter, as text.
    fn bind(name: &str, value: &str) -> Vec<u8> {
        let len = u8::try_from(value.len()).expect("short");
        message(b'B', &[format!("\0{name}\0\0\0\0\x01\0\0\0").as_bytes(), &[len], value.as_bytes(), &[0, 0]].concat())
    }

    fn sync() -> Vec<u8> {
        message(b'S', b"")
    }

    /// What is cut off the stream, with the bytes given `step` at a time. A call is `|`, its text, `|`, its method and
    /// what the log shows. Bytes that pass are `-`, or `=` if the server answers it.
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
    fn a_call_ends_with_the_message_that_the_server_answers() {
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
    fn copied_data_passes_and_one_sync_is_ignored() {
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
    fn a_flushed_part_passes_and_is_remembered() {
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
    fn other_protocols_are_recognized() {
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
}
