//! The bytes of one established connection, decrypted, in both directions, and the rules that look at them.
//!
//! One task owns both streams, so that the order of events on a connection is the order of this loop's turns: everything
//! between two turns is plain code without waiting.
//!
//! Of RESP, replies are counted to find the one that belongs to a command. Commands that break the count, subscriptions of
//! RESP2 and `CLIENT REPLY`, pass, but an action `after` on a later command of such a connection meets the wrong reply.

use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::api::{self, RuleId, When};
use crate::connection::Connection;
use crate::frames::{Malformed, Part};
use crate::held::Hold;
use crate::http_proxy::EFFECT_DEADLINE;
use crate::log::Seq;
use crate::outbox::Outbox;
use crate::postgres::{self, Next, Statement};
use crate::resp::{self, Scanner};
use crate::rules::{Act, Fired, Subject};
use crate::tcp_proxy::{AHEAD, READ};

/// How a connection ends for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Reset,
}

/// What the client's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// None have come yet.
    Unknown,
    Raw,
    Resp,
    Postgres,
}

/// What goes on with the call that the client's bytes have got to. Those behind it wait.
#[derive(Debug)]
enum Phase {
    Flow,
    /// The call is forwarded after the wait.
    Paused {
        bytes: Bytes,
        seq: Seq,
        wait: Wait,
    },
    /// `reply` is written once the calls before have been answered.
    Answering {
        reply: Bytes,
    },
    /// The call was forwarded; the answers to `ahead` calls before it are to come first.
    Awaiting {
        ahead: u64,
        reply: BytesMut,
        then: Then,
    },
    /// The client gets `reply` after the wait.
    Replied {
        reply: BytesMut,
        hold: Hold,
    },
}

#[derive(Debug)]
enum Wait {
    Hold(Hold),
    Delay(Pin<Box<Sleep>>),
}

/// What becomes of a complete reply.
#[derive(Debug)]
enum Then {
    Cut,
    Hold { rule: RuleId, named: Named },
    Replace(Bytes),
}

/// One of the client's calls: a RESP command, Postgres' statements up to the end of their reply, or the bytes of one read.
struct Call {
    bytes: Bytes,
    command: Option<Command>,
}

/// What is known of a call that is more than bytes.
struct Command {
    named: Named,
    /// What a rule's pattern sees.
    text: Vec<u8>,
}

/// A call as the log shows it.
#[derive(Debug)]
struct Named {
    method: String,
    path: Option<String>,
}

/// TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

type Halves<'a, S> = (ReadHalf<&'a mut S>, WriteHalf<&'a mut S>);

/// An error ends the connection.
type Step = Result<(), End>;

pub(crate) struct Pump<'a> {
    connection: &'a Connection,
    /// The connection's own entry in the log.
    seq: Seq,
    mode: Mode,
    phase: Phase,
    /// From the client, not yet cut into calls; the first `scanned` bytes belong to one whose end has not come.
    sent: BytesMut,
    scanned: usize,
    /// From the server, not yet attributed to calls.
    received: BytesMut,
    to_server: Outbox,
    to_client: Outbox,
    commands: Scanner,
    replies: Scanner,
    statements: postgres::Calls,
    results: postgres::Replies,
    /// Calls forwarded whose replies have not come.
    unanswered: u64,
    client: Client,
    server_closed: bool,
}

/// What is known of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Open,
    /// It sends no more; the server has yet to be told.
    Closing,
    /// It sends no more.
    Closed,
    /// It has gone; the effect it asked for may take until then.
    Gone {
        deadline: Instant,
    },
}

impl<'a> Pump<'a> {
    /// `seq`: the connection's entry in the log. `sent`: what the client has sent already.
    pub fn new(connection: &'a Connection, seq: Seq, sent: BytesMut) -> Self {
        Self {
            connection,
            seq,
            mode: Mode::Unknown,
            phase: Phase::Flow,
            sent,
            scanned: 0,
            received: BytesMut::new(),
            to_server: Outbox::default(),
            to_client: Outbox::default(),
            commands: Scanner::default(),
            replies: Scanner::default(),
            statements: postgres::Calls::default(),
            results: postgres::Replies::default(),
            unanswered: 0,
            client: Client::Open,
            server_closed: false,
        }
    }

    /// The client speaks Postgres' protocol, from its first message on.
    pub fn of_postgres(self) -> Self {
        Self { mode: Mode::Postgres, ..self }
    }

    pub async fn run<C: Stream, S: Stream>(mut self, client: &mut C, server: &mut S) -> End {
        let (mut client, mut server) = (split(client), split(server));
        loop {
            if let Err(end) = self.turn(&mut client, &mut server).await {
                return end;
            }
        }
    }

    /// Draws the consequences of the last event, then waits for the next.
    async fn turn<C: Stream, S: Stream>(
        &mut self,
        (from_client, into_client): &mut Halves<'_, C>,
        (from_server, into_server): &mut Halves<'_, S>,
    ) -> Step {
        let up = self.connection.gate.is_up();
        if up {
            self.take_replies()?;
            self.take_calls()?;
            self.finish(into_server).await?;
        }
        let wants_calls = match self.phase {
            Phase::Flow if up => self.to_server.len() < AHEAD,
            _ => self.sent.len() < AHEAD,
        };
        let wants_replies = up && !self.server_closed && self.to_client.len() < AHEAD && !self.phase.has_replied();
        let deadline = if let Client::Gone { deadline } = self.client { Some(deadline) } else { None };
        self.sent.reserve(READ);
        self.received.reserve(READ);
        tokio::select! {
            read = from_client.read_buf(&mut self.sent), if wants_calls && self.client == Client::Open => {
                self.client_sent(&or_end(read), up)
            }
            read = from_server.read_buf(&mut self.received), if wants_replies => {
                self.server_closed = or_end(read).map_err(|_| End::Reset)? == 0;
                Ok(())
            }
            written = self.to_server.write_some(into_server), if up && !self.to_server.is_empty() => {
                written.map_err(|_| End::Reset)
            }
            written = self.to_client.write_some(into_client), if up && !self.to_client.is_empty() => {
                if written.is_err() { self.client_gone() } else { Ok(()) }
            }
            () = self.phase.waited(), if up && self.phase.waits() => {
                self.resume();
                Ok(())
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Err(End::Close),
            () = self.connection.gate.becomes(!up) => Ok(()),
        }
    }

    fn client_sent(&mut self, read: &io::Result<usize>, up: bool) -> Step {
        match read {
            Ok(0) if up && matches!(self.phase, Phase::Flow | Phase::Answering { .. }) => {
                self.client = Client::Closing;
                Ok(())
            }
            Ok(0) | Err(_) => self.client_gone(),
            Ok(_) => Ok(()),
        }
    }

    /// Nobody is there to answer: all that is left to wait for is an effect that a rule asks for.
    fn client_gone(&mut self) -> Step {
        if !matches!(self.phase, Phase::Awaiting { .. }) {
            return Err(End::Close);
        }
        self.client = Client::Gone { deadline: Instant::now() + EFFECT_DEADLINE };
        self.to_client.clear();
        Ok(())
    }

    /// Passes on that one side has closed, once all that it sent is delivered.
    async fn finish(&mut self, server: &mut (impl AsyncWrite + Unpin)) -> Step {
        if self.client == Client::Closing && self.to_server.is_empty() && matches!(self.phase, Phase::Flow) {
            server.shutdown().await.map_err(|_| End::Close)?;
            self.client = Client::Closed;
        }
        if !self.server_closed || !self.to_client.is_empty() {
            return Ok(());
        }
        match self.phase {
            Phase::Flow | Phase::Paused { .. } | Phase::Answering { .. } => Err(End::Close),
            Phase::Awaiting { .. } => Err(End::Reset),
            Phase::Replied { .. } => Ok(()),
        }
    }

    fn take_calls(&mut self) -> Step {
        while matches!(self.phase, Phase::Flow)
            && let Some(call) = self.next_call()
        {
            self.apply(call)?;
        }
        Ok(())
    }

    /// Cuts the next complete call off what the client has sent.
    fn next_call(&mut self) -> Option<Call> {
        let first = self.sent.first()?;
        if self.mode == Mode::Unknown {
            self.mode = if *first == b'*' { Mode::Resp } else { Mode::Raw };
        }
        if self.mode == Mode::Resp {
            match self.commands.advance(&self.sent[self.scanned..]) {
                Ok(part) => {
                    self.scanned += part.len;
                    if !part.ends {
                        return None;
                    }
                    let bytes = self.sent.split_to(std::mem::take(&mut self.scanned)).freeze();
                    let command = resp::words(&bytes).ok().map(|words| Command {
                        named: Named { method: resp::name(&words), path: None },
                        text: words.join(&b' '),
                    });
                    return Some(Call { bytes, command });
                }
                Err(Malformed) => self.mode = Mode::Raw,
            }
        }
        while self.mode == Mode::Postgres {
            match self.statements.next(&self.sent) {
                Ok(Next::Incomplete) => return None,
                Ok(Next::Pass { len, answered }) => self.pass(len, answered),
                Ok(Next::Call { len, statement: Statement { text, shown, method } }) => {
                    let named = Named { method: method.to_owned(), path: shown };
                    return Some(Call {
                        bytes: self.sent.split_to(len).freeze(),
                        command: Some(Command { named, text }),
                    });
                }
                Err(Malformed) => self.mode = Mode::Raw,
            }
        }
        if self.sent.is_empty() {
            return None;
        }
        Some(Call { bytes: self.sent.split().freeze(), command: None })
    }

    fn apply(&mut self, Call { bytes, command }: Call) -> Step {
        let (named, text) = command.map(|Command { named, text }| (named, text)).unzip();
        let text = text.as_deref();
        let database = self.statements.database();
        let fired = self.connection.fire(Subject::Data { bytes: &bytes, text, database });
        let arrived = |Named { method, path }: &Named| self.connection.arrived(method, path.as_deref(), None);
        let seq = named.as_ref().map_or(self.seq, arrived);
        let Some(Fired { rule, act }) = fired else {
            self.forward(&bytes, seq);
            return Ok(());
        };
        self.connection.update(seq, |call| call.rules.push(rule));
        let named = named.unwrap_or_else(|| Named { method: "DATA".to_owned(), path: None });
        let then = match act {
            Act::Cut(When::Before) => return Err(End::Reset),
            Act::Respond(reply, When::Before) => {
                self.phase = Phase::Answering { reply: reply.body };
                return self.take_replies();
            }
            Act::Hold(When::Before) => {
                let hold = self.hold(rule, When::Before, &named);
                self.phase = Phase::Paused { bytes, seq, wait: Wait::Hold(hold) };
                return Ok(());
            }
            Act::Delay(time) => {
                self.phase = Phase::Paused { bytes, seq, wait: Wait::Delay(Box::pin(sleep(time))) };
                return Ok(());
            }
            Act::Cut(When::After) => Then::Cut,
            Act::Respond(reply, When::After) => Then::Replace(reply.body),
            Act::Hold(When::After) => Then::Hold { rule, named },
        };
        self.phase = Phase::Awaiting { ahead: self.unanswered, reply: BytesMut::new(), then };
        self.forward(&bytes, seq);
        Ok(())
    }

    fn forward(&mut self, bytes: &[u8], seq: Seq) {
        let count = counted(bytes.len());
        self.connection.update(seq, &count);
        if seq != self.seq {
            self.connection.update(self.seq, &count);
        }
        self.to_server.push(bytes);
        self.unanswered += u64::from(self.mode.has_frames());
    }

    /// Forwards what belongs to no call. `answered`: whether the server answers it all the same.
    fn pass(&mut self, len: usize, answered: bool) {
        self.connection.update(self.seq, counted(len));
        self.to_server.push(&self.sent.split_to(len));
        self.unanswered += u64::from(answered);
    }

    fn hold(&self, rule: RuleId, when: When, Named { method, path }: &Named) -> Hold {
        self.connection.hold(rule, when, method, path.as_deref())
    }

    /// Attributes what the server has sent to the calls it answers.
    fn take_replies(&mut self) -> Step {
        while !self.received.is_empty() && !self.phase.has_replied() {
            let part = match self.mode {
                Mode::Resp => self.replies.advance(&self.received),
                Mode::Postgres => self.results.advance(&self.received),
                Mode::Unknown | Mode::Raw => Err(Malformed),
            };
            // Of other bytes, the reply to a call is what comes first after the call has gone out.
            let part = part.unwrap_or_else(|Malformed| {
                self.mode = if self.mode.has_frames() { Mode::Raw } else { self.mode };
                Part { len: self.received.len(), ends: self.to_server.is_empty(), ..Part::default() }
            });
            let bytes = self.received.split_to(part.len);
            let answers = part.ends && !part.push;
            self.unanswered = self.unanswered.saturating_sub(u64::from(answers));
            match &mut self.phase {
                Phase::Awaiting { ahead: 0, reply, .. } if !part.push && (part.ends || self.mode.has_frames()) => {
                    reply.extend_from_slice(&bytes);
                    if answers || part.asks {
                        self.replied()?;
                    }
                    continue;
                }
                Phase::Awaiting { ahead, .. } => *ahead = ahead.saturating_sub(u64::from(answers)),
                Phase::Flow | Phase::Paused { .. } | Phase::Answering { .. } | Phase::Replied { .. } => {}
            }
            if !matches!(self.client, Client::Gone { .. }) {
                self.to_client.push(&bytes);
            }
        }
        if self.unanswered == 0
            && let Phase::Answering { reply } = &self.phase
        {
            self.to_client.push(reply);
            self.phase = Phase::Flow;
        }
        Ok(())
    }

    /// The reply a rule waited for is complete.
    fn replied(&mut self) -> Step {
        if matches!(self.client, Client::Gone { .. }) {
            return Err(End::Close);
        }
        match std::mem::replace(&mut self.phase, Phase::Flow) {
            Phase::Awaiting { then: Then::Cut, .. } => return Err(End::Reset),
            Phase::Awaiting { then: Then::Replace(other), .. } => self.to_client.push(&other),
            Phase::Awaiting { then: Then::Hold { rule, named }, reply, .. } => {
                let hold = self.hold(rule, When::After, &named);
                self.phase = Phase::Replied { reply, hold };
            }
            other @ (Phase::Flow | Phase::Paused { .. } | Phase::Answering { .. } | Phase::Replied { .. }) => {
                self.phase = other;
            }
        }
        Ok(())
    }

    /// A wait is over.
    fn resume(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Flow) {
            Phase::Paused { bytes, seq, .. } => self.forward(&bytes, seq),
            Phase::Replied { reply, .. } => self.to_client.push(&reply),
            other @ (Phase::Flow | Phase::Answering { .. } | Phase::Awaiting { .. }) => self.phase = other,
        }
    }
}

/// What is known of the log entry of which so many bytes go out.
fn counted(len: usize) -> impl Fn(&mut api::Call) {
    move |call| {
        call.forwarded = true;
        call.bytes = Some(call.bytes.unwrap_or_default() + len as u64);
    }
}

/// The result of a read; that the other side broke off without an end of TLS is an end all the same.
fn or_end(read: io::Result<usize>) -> io::Result<usize> {
    read.or_else(|error| if error.kind() == io::ErrorKind::UnexpectedEof { Ok(0) } else { Err(error) })
}

impl Mode {
    /// Whether ends of calls and replies are known.
    fn has_frames(self) -> bool {
        matches!(self, Self::Resp | Self::Postgres)
    }
}

impl Phase {
    fn has_replied(&self) -> bool {
        matches!(self, Self::Replied { .. })
    }

    fn waits(&self) -> bool {
        matches!(self, Self::Paused { .. } | Self::Replied { .. })
    }

    /// Waits for the release or the end of the delay; never returns where there is neither.
    async fn waited(&mut self) {
        match self {
            Self::Paused { wait: Wait::Hold(hold), .. } | Self::Replied { hold, .. } => hold.released().await,
            Self::Paused { wait: Wait::Delay(delay), .. } => delay.await,
            Self::Flow | Self::Answering { .. } | Self::Awaiting { .. } => std::future::pending().await,
        }
    }
}
