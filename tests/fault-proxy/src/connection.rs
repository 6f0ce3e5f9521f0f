//! What connections to all kinds of upstream have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use crate::api::{Call, Held, RuleId, When};
use crate::held::{Board, Hold};
use crate::log::{Log, Seq};
use crate::postgres::tls::Sides;
use crate::rules::{Caller, Fired, Rules, Subject};
use crate::upstream::{Gate, Upstream};

/// The state of the process.
#[derive(Debug)]
pub(crate) struct Shared {
    pub rules: Rules,
    pub log: Log,
    pub board: Arc<Board>,
    pub upstreams: BTreeMap<String, Arc<Upstream>>,
    /// Present if an upstream is Postgres.
    pub postgres: Option<Sides>,
    /// The number of the next connection.
    pub next_connection: AtomicU64,
}

/// A client's connection to an upstream.
#[derive(Debug)]
pub(crate) struct Connection {
    pub shared: Arc<Shared>,
    pub upstream: Arc<Upstream>,
    pub gate: Gate,
    client_port: u16,
    number: u64,
}

impl Connection {
    pub fn new(shared: Arc<Shared>, upstream: Arc<Upstream>, client_port: u16) -> Self {
        let number = shared.next_connection.fetch_add(1, Ordering::Relaxed);
        let gate = upstream.gate();
        Self { shared, upstream, gate, client_port, number }
    }

    pub fn caller(&self) -> Caller<'_> {
        Caller { upstream: &self.upstream.name, client_port: self.client_port, connection: self.number }
    }

    pub fn fire(&self, subject: Subject<'_>) -> Option<Fired> {
        self.shared.rules.fire(self.caller(), subject)
    }

    /// Logs a call that has just arrived.
    pub fn arrived(&self, method: &str, path: Option<&str>, target: Option<&str>) -> Seq {
        self.shared.log.begin(Call {
            seq: 0,
            upstream: self.upstream.name.clone(),
            at: Timestamp::now(),
            client_port: self.client_port,
            method: method.to_owned(),
            path: path.map(str::to_owned),
            target: target.map(str::to_owned),
            forwarded: false,
            status: None,
            answered: None,
            bytes: None,
            rules: Vec::new(),
        })
    }

    pub fn update(&self, seq: Seq, change: impl FnOnce(&mut Call)) {
        self.shared.log.update(seq, change);
    }

    /// Puts the connection on the board.
    pub fn hold(&self, rule: RuleId, when: When, method: &str, path: Option<&str>) -> Hold {
        let hold = self.shared.board.hold(Held {
            id: 0,
            rule,
            upstream: self.upstream.name.clone(),
            method: method.to_owned(),
            path: path.map(str::to_owned),
            when,
            client_port: self.client_port,
            since: Timestamp::now(),
        });
        // If the rule was deleted after it fired, its deletion has not released this hold.
        if !self.shared.rules.contains(rule) {
            self.shared.board.release_rule(rule);
        }
        hold
    }
}
