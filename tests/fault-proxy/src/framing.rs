//! Where the calls and the replies on one connection end.

use bytes::{Bytes, BytesMut};

use crate::frames::{Malformed, Part};
use crate::postgres::calls::{Calls, Next, Statement};
use crate::postgres::replies::Replies;
use crate::resp::{self, Scanner};

/// One of the client's calls: a RESP command, Postgres messages up to the one that the server answers, an SMTP client's
/// mail, or the bytes of one read.
pub(crate) struct Call {
    pub bytes: Bytes,
    pub command: Option<Command>,
}

/// What is known about a call that is more than bytes.
pub(crate) struct Command {
    pub named: Named,
    /// What a rule's pattern is matched against.
    pub text: Vec<u8>,
}

/// A call as the log shows it.
#[derive(Debug)]
pub(crate) struct Named {
    pub method: String,
    pub path: Option<String>,
}

/// What was cut off the client's bytes.
pub(crate) enum Cut {
    Call(Call),
    /// Bytes that belong to no call.
    Pass {
        bytes: BytesMut,
        /// Whether the server answers them nevertheless.
        answered: bool,
    },
}

/// What the client's bytes are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The client has sent nothing yet.
    #[default]
    Unknown,
    Raw,
    Resp,
    Postgres,
    /// The text of a mail. A client may write it in several parts.
    Mail,
}

/// How an SMTP server answers `DATA`. The text of the mail follows (RFC 5321, 4.2.3).
const MAIL_FOLLOWS: &[u8] = b"354";
/// The end of a mail's text (RFC 5321, 4.1.1.4).
const MAIL_ENDS: &[u8] = b"\r\n.\r\n";

/// Cuts one connection's bytes, in both directions.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    mode: Mode,
    /// The first `scanned` bytes from the client belong to a command that is not complete yet.
    scanned: usize,
    commands: Scanner,
    replies: Scanner,
    statements: Calls,
    results: Replies,
}

impl Framing {
    /// The client speaks Postgres' protocol, from its first message on.
    pub fn of_postgres() -> Self {
        Self { mode: Mode::Postgres, ..Self::default() }
    }

    /// Whether the ends of calls and of replies are known.
    pub fn has_frames(&self) -> bool {
        matches!(self.mode, Mode::Resp | Mode::Postgres)
    }

    /// The Postgres database that the client is connected to.
    pub fn database(&self) -> &[u8] {
        self.statements.database()
    }

    /// Cuts off the next complete call, or bytes before it that belong to none.
    pub fn cut(&mut self, sent: &mut BytesMut) -> Option<Cut> {
        let first = sent.first()?;
        if self.mode == Mode::Unknown {
            self.mode = if *first == b'*' { Mode::Resp } else { Mode::Raw };
        }
        if self.mode == Mode::Resp {
            match self.commands.advance(&sent[self.scanned..]) {
                Ok(part) => {
                    self.scanned += part.len;
                    if !part.ends {
                        return None;
                    }
                    let bytes = sent.split_to(std::mem::take(&mut self.scanned)).freeze();
                    let command = resp::words(&bytes).ok().map(|words| Command {
                        named: Named { method: resp::name(&words), path: None },
                        text: words.join(&b' '),
                    });
                    return Some(Cut::Call(Call { bytes, command }));
                }
                Err(Malformed) => self.mode = Mode::Raw,
            }
        }
        if self.mode == Mode::Postgres {
            match self.statements.next(sent) {
                Ok(Next::Incomplete) => return None,
                Ok(Next::Pass { len, answered }) => return Some(Cut::Pass { bytes: sent.split_to(len), answered }),
                Ok(Next::Call { len, statement: Statement { text, shown, method } }) => {
                    let command = Command { named: Named { method: method.to_owned(), path: shown }, text };
                    return Some(Cut::Call(Call { bytes: sent.split_to(len).freeze(), command: Some(command) }));
                }
                Err(Malformed) => self.mode = Mode::Raw,
            }
        }
        if self.mode == Mode::Mail {
            let end = sent.windows(MAIL_ENDS.len()).position(|bytes| bytes == MAIL_ENDS)? + MAIL_ENDS.len();
            self.mode = Mode::Raw;
            return Some(Cut::Call(Call { bytes: sent.split_to(end).freeze(), command: None }));
        }
        Some(Cut::Call(Call { bytes: sent.split().freeze(), command: None }))
    }

    /// The first part of what the server has sent. If frames are not known, the reply to a call is what comes first
    /// after the call has gone out; `all_sent` says whether it has.
    pub fn reply(&mut self, received: &[u8], all_sent: bool) -> Part {
        if self.mode == Mode::Raw && received.starts_with(MAIL_FOLLOWS) {
            self.mode = Mode::Mail;
        }
        let part = match self.mode {
            Mode::Resp => self.replies.advance(received),
            Mode::Postgres => self.results.advance(received),
            Mode::Unknown | Mode::Raw | Mode::Mail => Err(Malformed),
        };
        part.unwrap_or_else(|Malformed| {
            if self.has_frames() {
                self.mode = Mode::Raw;
            }
            Part { len: received.len(), ends: all_sent, ..Part::default() }
        })
    }
}
