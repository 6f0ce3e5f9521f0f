//! The faults. Each is a column of the matrix.

use std::collections::BTreeMap;

use clap::ValueEnum;
use fault_proxy::client::{Action, Answer, When};
use serde_json::json;

use crate::protocol::Protocol;

/// The kinds of fault, as `--fault` takes them. `COLUMNS` says what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The process is killed.
    Kill,
    /// The connection is cut before the effect.
    Cut,
    /// The answer is lost.
    Lost,
    /// Too many requests.
    #[value(name = "429")]
    TooMany,
    /// An internal error.
    #[value(name = "500")]
    Error,
    /// No answer.
    Hang,
    /// Two invocations of the same task.
    Twice,
    /// An invocation that outlives its lease.
    Stall,
    /// An invocation that outlives its attempt.
    Stale,
}

/// A fault at one side of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// On which side of the effect. For "too many requests", `After` is the one with `Retry-After`.
    pub when: When,
}

/// A column of the matrix.
#[derive(Debug)]
pub struct Column {
    /// What happens in its cells.
    pub fault: Fault,
    /// Its heading.
    pub heading: &'static str,
    /// What the heading means.
    pub meaning: &'static str,
}

/// Every column.
pub const COLUMNS: [Column; 16] = [
    column(Kind::Kill, When::Before, "kill <", "The process is killed before its call reaches the system."),
    column(Kind::Kill, When::After, "kill >", "The process is killed after the effect, before it sees the answer."),
    column(Kind::Cut, When::Before, "cut", "The connection is cut before the call reaches the system."),
    column(Kind::Lost, When::After, "lost", "The effect happens, and the connection is cut before the answer arrives."),
    column(
        Kind::TooMany,
        When::Before,
        "429",
        "The call is answered once with \"too many requests\", or what the protocol has for that.",
    ),
    column(Kind::TooMany, When::After, "429 R", "The same, with the header `Retry-After`."),
    column(
        Kind::Error,
        When::Before,
        "500",
        "The call is answered twice with an internal error; the third one passes.",
    ),
    column(
        Kind::Error,
        When::After,
        "500 >",
        "Stripe carries out the call and answers 500. It replays that answer to every repeat of the idempotency key.",
    ),
    column(
        Kind::Hang,
        When::Before,
        "hang <",
        "The call never reaches the system; the caller waits until its time-out.",
    ),
    column(
        Kind::Hang,
        When::After,
        "hang >",
        "The effect happens; the caller waits for the answer until its time-out.",
    ),
    column(
        Kind::Twice,
        When::Before,
        "twice <",
        "While the call waits before its effect, the same task is invoked a second time.",
    ),
    column(
        Kind::Twice,
        When::After,
        "twice >",
        "While the answer waits after the effect, the same task is invoked a second time.",
    ),
    column(
        Kind::Stall,
        When::Before,
        "stall <",
        "The invocation is frozen before the effect. Its lease ends, and another invocation of the same attempt does the \
         work. Then the frozen one goes on, and must change nothing.",
    ),
    column(Kind::Stall, When::After, "stall >", "The same, but the invocation is frozen after the effect."),
    column(
        Kind::Stale,
        When::Before,
        "stale <",
        "The invocation is frozen before the effect, and its execution is stopped. A newer attempt does the work. Then the \
         frozen one goes on, and must change nothing.",
    ),
    column(Kind::Stale, When::After, "stale >", "The same, but the invocation is frozen after the effect."),
];

const fn column(kind: Kind, when: When, heading: &'static str, meaning: &'static str) -> Column {
    Column { fault: Fault { kind, when }, heading, meaning }
}

impl Fault {
    /// What the proxy has to do, and how often.
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

/// Stripe's internal error. Stripe replays it to every repeat of the request's idempotency key.
#[must_use]
pub fn stripe_error(when: When, replayed: bool) -> Action {
    let mut headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    if replayed {
        headers.insert("idempotent-replayed".to_owned(), "true".to_owned());
    }
    let body = json!({ "error": { "type": "api_error", "message": "An unknown error occurred" } }).to_string();
    Action::Respond(Answer::Http { status: 500, headers, body, when })
}
