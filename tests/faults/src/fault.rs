//! What can happen to an effect: one column of the matrix each.

use std::collections::BTreeMap;

use clap::ValueEnum;
use fault_proxy::client::{Action, Answer, When};
use serde_json::json;

use crate::effects::{Effect, Protocol};

/// The kinds of fault, as `--fault` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The process is killed.
    Kill,
    /// The connection is cut before the effect.
    Cut,
    /// The effect happens, and its answer is lost.
    Lost,
    /// "Too many requests", without and with `Retry-After`, or what the protocol has for it.
    #[value(name = "429")]
    TooMany,
    /// An internal error twice, then well; Stripe replays the one it stored.
    #[value(name = "500")]
    Error,
    /// No answer until the time-out.
    Hang,
    /// The same task is invoked twice at once.
    Twice,
    /// A copy stalls until its lease has lapsed and somebody else has done the work, and is then let go.
    Stall,
    /// The same, where the execution was stopped and a newer attempt has done the work.
    Stale,
}

/// A fault at one side of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// On which side of the effect. Of "too many requests" the second side is the one with `Retry-After`.
    pub when: When,
}

/// The columns: the fault and its heading.
pub const FAULTS: [(Fault, &str); 16] = [
    (fault(Kind::Kill, When::Before), "kill <"),
    (fault(Kind::Kill, When::After), "kill >"),
    (fault(Kind::Cut, When::Before), "cut"),
    (fault(Kind::Lost, When::After), "lost"),
    (fault(Kind::TooMany, When::Before), "429"),
    (fault(Kind::TooMany, When::After), "429 R"),
    (fault(Kind::Error, When::Before), "500"),
    (fault(Kind::Error, When::After), "500 >"),
    (fault(Kind::Hang, When::Before), "hang <"),
    (fault(Kind::Hang, When::After), "hang >"),
    (fault(Kind::Twice, When::Before), "twice <"),
    (fault(Kind::Twice, When::After), "twice >"),
    (fault(Kind::Stall, When::Before), "stall <"),
    (fault(Kind::Stall, When::After), "stall >"),
    (fault(Kind::Stale, When::Before), "stale <"),
    (fault(Kind::Stale, When::After), "stale >"),
];

const fn fault(kind: Kind, when: When) -> Fault {
    Fault { kind, when }
}

impl Fault {
    /// Whether the fault can happen to the effect at all.
    #[must_use]
    pub fn can_meet(self, effect: &Effect) -> bool {
        use Protocol::{Http, Smtp, Stripe};
        match (self.kind, self.when) {
            // The mail server's client is the provider: no process of ours, and no answer that HTTP would know.
            _ if effect.protocol == Smtp => matches!(self.kind, Kind::Cut | Kind::Lost | Kind::Hang),
            (Kind::TooMany, When::After) => matches!(effect.protocol, Http | Stripe),
            (Kind::Error, When::After) => effect.protocol == Stripe,
            // Once the tenant is active, there is no other attempt that could do the work.
            (Kind::Stale, _) if effect.follows_activation() => false,
            (Kind::Stale, When::After) => effect.name != "activation",
            _ => true,
        }
    }

    /// What the proxy is told to do, and how often.
    #[must_use]
    pub fn action(self, protocol: Protocol) -> (Action, u64) {
        use Protocol::{Aws, Postgres, Resp};
        match (self.kind, protocol) {
            (Kind::Kill | Kind::Hang | Kind::Twice | Kind::Stall | Kind::Stale, _) => {
                (Action::Hold { when: self.when }, 1)
            }
            (Kind::Cut | Kind::Lost, _) => (Action::Cut { when: self.when }, 1),
            (Kind::TooMany, Aws) => (aws_error(400, "ThrottlingException"), 1),
            (Kind::TooMany, Postgres) => (Action::sql_error("53300", "sorry, too many clients already"), 1),
            (Kind::TooMany, Resp) => (Action::bytes(b"-LOADING Redis is loading the dataset in memory\r\n"), 1),
            (Kind::TooMany, _) => (Action::too_many_requests((self.when == When::After).then_some(1)), 1),
            (Kind::Error, Aws) => (aws_error(500, "InternalFailure"), 2),
            (Kind::Error, Postgres) => (Action::sql_error("XX000", "internal error"), 2),
            (Kind::Error, Resp) => (Action::bytes(b"-BUSY Redis is busy running a script\r\n"), 2),
            (Kind::Error, _) => (Action::Sequence { statuses: vec![500, 500] }, 2),
        }
    }
}

fn aws_error(status: u16, code: &str) -> Action {
    let headers = BTreeMap::from([("content-type".to_owned(), "application/x-amz-json-1.1".to_owned())]);
    let body = json!({ "__type": code, "message": "tried by a test" }).to_string();
    Action::Respond(Answer::Http { status, headers, body, when: When::Before })
}

/// Stripe's own trouble. Once it has been given to a request, every repeat of the request's key gets it again.
#[must_use]
pub fn stripe_error(when: When, replayed: bool) -> Action {
    let mut headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    if replayed {
        headers.insert("idempotent-replayed".to_owned(), "true".to_owned());
    }
    let body = json!({ "error": { "type": "api_error", "message": "An unknown error occurred" } }).to_string();
    Action::Respond(Answer::Http { status: 500, headers, body, when })
}
