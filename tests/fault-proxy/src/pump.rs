//! The bytes of one established connection, decrypted, in both directions, and the rules that look at them.
//!
//! One task owns both streams, so events on a connection are handled one after the other, one in each turn of this
//! loop. Between two turns nothing waits.
//!
//! The reply to a RESP command is found by counting replies. Subscriptions of RESP2 and `CLIENT REPLY` break the count:
//! they pass, but an action `after` on a later command of such a connection meets the wrong reply.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::api::{self, RuleId, When};
use crate::buffers::{AHEAD, Outbox, READ};
use crate::connection::Connection;
use crate::ending::{EFFECT_DEADLINE, End};
use crate::framing::{Call, Command, Cut, Framing, Named};
use crate::held::Hold;
use crate::log::Seq;
use crate::rules::{Act, Fired, Subject};

/// What happens to the current call. The bytes behind it wait.
#[derive(Debug)]
enum Phase {
    Flow,
    /// The call will be forwarded after the wait.
    Paused {
        bytes: Bytes,
        seq: Seq,
        wait: Wait,
    },
    /// `reply` will be written once the calls before this one are answered.
    Answering {
        reply: Bytes,
    },
    /// The call was forwarded. The answers to the `ahead` calls before it come first.
    Awaiting {
        ahead: usize,
        reply: BytesMut,
        then: Then,
    },
    /// The client will get `reply` after the wait.
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

/// What happens to the complete reply.
#[derive(Debug)]
enum Then {
    Cut,
    Hold { rule: RuleId, named: Named },
    Replace(Bytes),
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
    phase: Phase,
    framing: Framing,
    /// From the client, not yet cut into calls.
    sent: BytesMut,
    /// From the server, not yet attributed to calls.
    received: BytesMut,
    to_server: Outbox,
    to_client: Outbox,
    /// The entries of the calls that were forwarded and not yet answered.
    unanswered: VecDeque<Seq>,
    client: Client,
    server_closed: bool,
}

/// What is known of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Open,
    /// It sends no more, and the server does not know yet.
    Closing,
    /// It sends no more, and the server knows.
    Closed,
    /// It has gone. The effect it asked for may take until the deadline.
    Gone {
        deadline: Instant,
    },
}

impl<'a> Pump<'a> {
    /// `seq` is the connection's entry in the log, `sent` what the client has sent already.
    pub fn new(connection: &'a Connection, seq: Seq, sent: BytesMut, framing: Framing) -> Self {
        Self {
            connection,
            seq,
            framing,
            phase: Phase::Flow,
            sent,
            received: BytesMut::new(),
            to_server: Outbox::default(),
            to_client: Outbox::default(),
            unanswered: VecDeque::new(),
            client: Client::Open,
            server_closed: false,
        }
    }

    pub async fn run<C: Stream, S: Stream>(mut self, client: &mut C, server: &mut S) -> End {
        let (mut client, mut server) = (split(client), split(server));
        loop {
            if let Err(end) = self.turn(&mut client, &mut server).await {
                return end;
            }
        }
    }

    /// Handles what the last event has made possible, then waits for the next event.
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

    /// No client is left to answer. The loop waits only for an effect that a rule needs.
    fn client_gone(&mut self) -> Step {
        if !matches!(self.phase, Phase::Awaiting { .. }) {
            return Err(End::Close);
        }
        self.client = Client::Gone { deadline: Instant::now() + EFFECT_DEADLINE };
        self.to_client.clear();
        Ok(())
    }

    /// If one side has closed, tells the other, once everything it sent is delivered.
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
            && let Some(cut) = self.framing.cut(&mut self.sent)
        {
            match cut {
                Cut::Call(call) => self.apply(call)?,
                Cut::Pass { bytes, answered } => {
                    self.connection.update(self.seq, counted(bytes.len()));
                    self.to_server.push(&bytes);
                    if answered {
                        self.unanswered.push_back(self.seq);
                    }
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, Call { bytes, command }: Call) -> Step {
        let (named, text) = command.map(|Command { named, text }| (named, text)).unzip();
        let text = text.as_deref();
        let database = self.framing.database();
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
        self.phase = Phase::Awaiting { ahead: self.unanswered.len(), reply: BytesMut::new(), then };
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
        if self.framing.has_frames() {
            self.unanswered.push_back(seq);
        }
    }

    fn hold(&self, rule: RuleId, when: When, Named { method, path }: &Named) -> Hold {
        self.connection.hold(rule, when, method, path.as_deref())
    }

    /// Finds out which calls the server's bytes answer.
    fn take_replies(&mut self) -> Step {
        while !self.received.is_empty() && !self.phase.has_replied() {
            let part = self.framing.reply(&self.received, self.to_server.is_empty());
            let bytes = self.received.split_to(part.len);
            let answers = part.ends && !part.push;
            if answers && let Some(seq) = self.unanswered.pop_front() {
                self.connection.update(seq, |call| call.answered = Some(Timestamp::now()));
            }
            match &mut self.phase {
                Phase::Awaiting { ahead: 0, reply, .. } if !part.push && (part.ends || self.framing.has_frames()) => {
                    reply.extend_from_slice(&bytes);
                    if answers || part.asks {
                        self.replied()?;
                    }
                    continue;
                }
                Phase::Awaiting { ahead, .. } => *ahead = ahead.saturating_sub(usize::from(answers)),
                Phase::Flow | Phase::Paused { .. } | Phase::Answering { .. } | Phase::Replied { .. } => {}
            }
            if !matches!(self.client, Client::Gone { .. }) {
                self.to_client.push(&bytes);
            }
        }
        if self.unanswered.is_empty()
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

/// Adds `len` forwarded bytes to an entry of the log.
fn counted(len: usize) -> impl Fn(&mut api::Call) {
    move |call| {
        call.forwarded = true;
        call.bytes = Some(call.bytes.unwrap_or_default() + len as u64);
    }
}

/// The result of a read. If the other side broke off without ending TLS, that is an end as well.
fn or_end(read: io::Result<usize>) -> io::Result<usize> {
    read.or_else(|error| if error.kind() == io::ErrorKind::UnexpectedEof { Ok(0) } else { Err(error) })
}

impl Phase {
    fn has_replied(&self) -> bool {
        matches!(self, Self::Replied { .. })
    }

    fn waits(&self) -> bool {
        matches!(self, Self::Paused { .. } | Self::Replied { .. })
    }

    /// Waits for the release or the end of the delay. Without either it never returns.
    async fn waited(&mut self) {
        match self {
            Self::Paused { wait: Wait::Hold(hold), .. } | Self::Replied { hold, .. } => hold.released().await,
            Self::Paused { wait: Wait::Delay(delay), .. } => delay.await,
            Self::Flow | Self::Answering { .. } | Self::Awaiting { .. } => std::future::pending().await,
        }
    }
}
