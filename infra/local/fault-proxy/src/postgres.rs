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
    started: bool,
    /// Bytes of the messages read since the last cut.
    read: usize,
    /// Whether the current call has begun: messages of it were read, before the last cut or after it.
    open: bool,
    /// Whether a `Sync` ended the call before.
    synced: bool,
    /// Whether data of a COPY were read since.
    copying: bool,
    call: Statement,
    /// The statement that the current call has parsed and not yet bound; its SQL stands in the text already.
    parsed: Option<Vec<u8>>,
    /// By name, of the connection.
    prepared: HashMap<Vec<u8>, Prepared>,
}

#[derive(Debug, Clone)]
struct Prepared {
    sql: Arc<str>,
    /// OIDs of the parameters' types as far as the client has named them; 0: it leaves it to the server.
    types: Arc<[u32]>,
}

impl Calls {
    /// Reads on until something can be cut off.
    pub fn next(&mut self, sent: &[u8]) -> Result<Next, Malformed> {
        if !self.started {
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
                    self.copying = self.synced && !self.open;
                    return Ok(self.pass(false));
                }
                // The server has ignored the `Sync` before the data of a COPY: this one ends the same call.
                b'S' if std::mem::take(&mut self.copying) => return Ok(self.pass(false)),
                b'S' => return Ok(self.end(if self.call.shown.is_some() { QUERY } else { "SYNC" }, true)),
                b'F' => return Ok(self.end("FUNCTION", false)),
                b'Q' => {
                    self.query(body);
                    return Ok(self.end(QUERY, false));
                }
                _ => return Ok(self.pass(false)),
            }
            self.open = true;
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
        self.started = true;
        Ok(Next::Pass { len, answered: code != CANCEL })
    }

    fn pass(&mut self, answered: bool) -> Next {
        Next::Pass { len: std::mem::take(&mut self.read), answered }
    }

    fn end(&mut self, method: &'static str, synced: bool) -> Next {
        (self.open, self.synced, self.copying) = (false, synced, false);
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
