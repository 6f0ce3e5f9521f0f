//! What goes over the control API, for both of its sides.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How an upstream's connections are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamKind {
    /// HTTP/1.1 in clear: a call is one request.
    Http,
    /// Bytes. Where the client's first byte is `*` they are RESP, and a call is one command; else a call is what one read
    /// from the client gave.
    Tcp,
    /// Postgres, over TLS where the client asks for it and the server grants it. A call is what the client sends up to a
    /// message that `ReadyForQuery` answers; start-up and authentication are none, nor are data of a `COPY`.
    Postgres,
}

/// What an upstream looks like from the outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamState {
    /// Calls pass.
    #[default]
    Up,
    /// Connections, open and new, are reset at once.
    Refuse,
    /// Connections are accepted, and nothing passes on them, open ones included, until the state changes.
    Silent,
}

/// On which side of the upstream's effect an action takes place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The call has not reached the upstream.
    #[default]
    Before,
    /// The upstream's complete answer is here and the client has seen none of it.
    After,
}

/// A fault: which calls to which upstream it meets, and what happens to them.
///
/// Rules are asked in the order they were made, and the first that fires decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name of an upstream, as on the command line.
    pub upstream: String,
    /// Which calls; the empty match is every call.
    #[serde(rename = "match", default)]
    pub matching: Match,
    /// What happens to them.
    pub action: Action,
}

/// All given conditions must hold.
///
/// Regular expressions search anywhere in the text unless they are anchored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// HTTP: the method, in capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// HTTP: against path and query, as sent (percent-encoded).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_regex: Option<String>,
    /// HTTP: one header, e.g. `X-Amz-Target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderMatch>,
    /// HTTP: against the complete body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_regex: Option<String>,
    /// TCP: against the bytes the client sent in one read; of RESP, in one command. Postgres: in one call, decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_regex: Option<String>,
    /// TCP, RESP: against the decoded command, its words joined by single spaces, e.g. `^GRAPH\.QUERY `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_regex: Option<String>,
    /// Postgres: against each statement of a call and its parameters, e.g. `^INSERT INTO tenants .* \$1=acme( |$)`. Of the
    /// SQL, the comment lines at its beginning are left out and all white space is single spaces. A parameter is text as it
    /// is sent; a UUID, a number or an array (`{a,b}`) as Postgres would write it, if the client names its type or has
    /// prepared it as one of these; NULL is `$1=NULL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_regex: Option<String>,
    /// Postgres: calls on connections to this database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// TCP and Postgres, where no pattern is given: which moment counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<On>,
    /// Only calls from this local port of the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    /// The rule fires first at the nth call that matches, counted from 1, and then, unless `times` says more, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// How many times the rule fires; without `nth`, unlimited by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// A condition on one header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// Name, in any case.
    pub name: String,
    /// Against each value of that name.
    pub regex: String,
}

/// The moment in a TCP connection's life that a rule without a pattern matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A new connection.
    #[default]
    Connect,
    /// Data from the client on a connection that was open already when the rule was made: past log-in and TLS handshake,
    /// whose flights would otherwise be counted. (A rule with a pattern looks at every connection.)
    Data,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The proxy answers: instead of the upstream, or with `after` in place of the upstream's own answer.
    Respond(Answer),
    /// The client's connection is reset (RST) without a byte of an answer.
    Cut {
        /// `before`: the upstream never sees the call. `after`: its effect has happened.
        when: When,
    },
    /// The call waits until the hold or its rule is released, and then goes on: `before` to the upstream, `after` with the
    /// upstream's answer to the client.
    Hold {
        /// Where it waits.
        when: When,
    },
    /// The call reaches the upstream later.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// HTTP: the first calls get these statuses with an empty body, in this order; those after them pass.
    Sequence {
        /// One per call.
        statuses: Vec<u16>,
    },
}

/// An answer of the proxy's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Answer {
    /// For a TCP upstream or Postgres. On a new connection (`connect`) it is closed afterwards, and gets them in clear; else
    /// it goes on, and bytes for a client of Postgres have to end with a `ReadyForQuery`, or it waits for more.
    Bytes {
        /// The bytes as they go to the client, base64 (RFC 4648, padded).
        base64: String,
        /// `after`: in place of the upstream's reply.
        #[serde(default)]
        when: When,
    },
    /// For an HTTP upstream.
    Http {
        /// Status code, 100–999.
        status: u16,
        /// Headers; `Content-Length` is added.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Body, sent as UTF-8.
        #[serde(default)]
        body: String,
        /// `after`: in place of the upstream's answer.
        #[serde(default)]
        when: When,
    },
}

/// Names a rule; never given twice by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u64);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The answer to a rule made.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Made {
    pub id: RuleId,
}

/// A rule and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// Its name.
    pub id: RuleId,
    /// The rule as it was made.
    pub rule: Rule,
    /// Calls that met its conditions, `nth` and `times` aside.
    pub matched: u64,
    /// Calls that it acted on.
    pub fired: u64,
}

/// A call seen: an HTTP request, a TCP connection, or a RESP command or a call of Postgres on one.
///
/// Headers, bodies, query strings, arguments and parameters are left out: they hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Place in the order of arrival over all upstreams, from 1; goes on after the log was cleared.
    pub seq: u64,
    /// The upstream's name.
    pub upstream: String,
    /// When it arrived.
    pub at: jiff::Timestamp,
    /// The client's local port.
    pub client_port: u16,
    /// HTTP method; for RESP the command's name (`ACL SETUSER`), for a TCP connection `CONNECT`. For Postgres `QUERY`, or
    /// where there is no statement `SYNC` or `FUNCTION`.
    pub method: String,
    /// HTTP path without the query. For Postgres the SQL without parameters, the first 200 characters as `statement_regex`
    /// sees it; of a simple query, which may hold literals, its first word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The value of `X-Amz-Target`, e.g. `secretsmanager.CreateSecret`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// Whether anything of it was sent to the upstream.
    pub forwarded: bool,
    /// HTTP: the upstream's status if it answered, else the rule's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// TCP and Postgres: bytes from the client to the upstream, decrypted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    /// The rules that fired at it: at most one, but for a TCP connection of opaque bytes.
    pub rules: Vec<RuleId>,
}

/// The calls seen since the log was cleared, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLog {
    /// Older calls left out because the log holds no more than 200,000.
    pub dropped: u64,
    /// The calls.
    pub calls: Vec<Call>,
}

/// A connection that a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Name for the release.
    pub id: u64,
    /// The rule that holds it.
    pub rule: RuleId,
    /// The upstream's name.
    pub upstream: String,
    /// Method, command, `QUERY` or `CONNECT`, as in [`Call::method`].
    pub method: String,
    /// As in [`Call::path`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Whether the upstream's effect has happened.
    pub when: When,
    /// The client's local port: `/proc/net/tcp` gives the socket's inode for it and the upstream's address (a port may
    /// have several connections to different ones), and `/proc/*/fd` the process.
    pub client_port: u16,
    /// Since when.
    pub since: jiff::Timestamp,
}

/// An upstream as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// How its connections are understood.
    pub kind: UpstreamKind,
    /// Where its clients connect to.
    pub address: SocketAddr,
    /// What it looks like from the outside.
    pub state: UpstreamState,
}

/// The new state of an upstream.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetState {
    pub state: UpstreamState,
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub error: String,
}

/// The line on standard output that says the proxy accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Where the control API listens.
    pub control: SocketAddr,
    /// Where each upstream's clients connect to, by name.
    pub upstreams: BTreeMap<String, SocketAddr>,
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upstreams = serde_json::to_string(&self.upstreams).map_err(|_| fmt::Error)?;
        write!(f, "READY http://{} {upstreams}", self.control)
    }
}

/// The line is not the one [`Ready`] prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a READY line of the fault proxy")]
pub struct NotReady;

impl FromStr for Ready {
    type Err = NotReady;

    fn from_str(line: &str) -> Result<Self, NotReady> {
        let rest = line.trim_end().strip_prefix("READY http://").ok_or(NotReady)?;
        let (control, upstreams) = rest.split_once(' ').ok_or(NotReady)?;
        Ok(Self {
            control: control.parse().map_err(|_| NotReady)?,
            upstreams: serde_json::from_str(upstreams).map_err(|_| NotReady)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_reads_back() {
        let ready = Ready {
            control: ([127, 0, 0, 1], 4000).into(),
            upstreams: BTreeMap::from([("stripe".to_owned(), ([127, 0, 0, 1], 4001).into())]),
        };
        assert_eq!(ready.to_string(), r#"READY http://127.0.0.1:4000 {"stripe":"127.0.0.1:4001"}"#);
        assert_eq!(ready.to_string().parse(), Ok(ready));
        assert_eq!("READY".parse::<Ready>(), Err(NotReady));
    }

    #[test]
    fn rules_read_as_documented() {
        let json = r#"{"upstream":"stripe","match":{"method":"POST","nth":2},
            "action":{"type":"respond","status":429,"headers":{"Retry-After":"1"}}}"#;
        let rule: Rule = serde_json::from_str(json).expect("a rule");
        let Action::Respond(Answer::Http { status: 429, when: When::Before, .. }) = rule.action else {
            panic!("{rule:?}")
        };
        let json = r#"{"upstream":"valkey","action":{"type":"respond","base64":"LUVSUg0K","when":"after"}}"#;
        let rule: Rule = serde_json::from_str(json).expect("a rule");
        let Action::Respond(Answer::Bytes { when: When::After, .. }) = rule.action else { panic!("{rule:?}") };
        for mistyped in [
            r#"{"upstream":"a","match":{"methd":"X"},"action":{"type":"cut","when":"after"}}"#,
            r#"{"upstream":"a","action":{"type":"cut","when":"after","status":500}}"#,
            r#"{"upstream":"a","action":{"type":"respond","status":500,"boddy":""}}"#,
        ] {
            assert!(serde_json::from_str::<Rule>(mistyped).is_err(), "{mistyped}");
        }
    }
}
