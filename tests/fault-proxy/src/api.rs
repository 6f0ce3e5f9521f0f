//! The control API's types, for the proxy and its client.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How an upstream's connections are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamKind {
    /// HTTP/1.1 without TLS. A call is one request.
    Http,
    /// Bytes. If the client's first byte is `*`, they are RESP, and a call is one command. Otherwise a call is what one
    /// read from the client returned.
    Tcp,
    /// Postgres, over TLS if the client asks for it and the server grants it. A call is what the client sends up to a
    /// message that `ReadyForQuery` answers. Start-up, authentication and the data of a `COPY` are not calls.
    Postgres,
}

/// How an upstream behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamState {
    /// Calls pass.
    #[default]
    Up,
    /// Open and new connections are reset at once.
    Refuse,
    /// Connections are accepted, but nothing passes on new or open ones until the state changes.
    Silent,
}

/// Whether an action takes place before or after the upstream's effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The call has not reached the upstream.
    #[default]
    Before,
    /// The upstream has answered completely, and the client has seen nothing of the answer.
    After,
}

/// A fault: which calls to which upstream it applies to, and what happens to them.
///
/// Rules are checked in the order in which they were made. The first one that fires decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The name of an upstream, as on the command line.
    pub upstream: String,
    /// Which calls. The empty match is every call.
    #[serde(rename = "match", default)]
    pub matching: Match,
    /// What happens to them.
    pub action: Action,
}

/// Conditions on a call. All that are given must hold.
///
/// Regular expressions search anywhere in the text unless they are anchored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// HTTP: the method, in capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// HTTP: matched against path and query as sent (percent-encoded).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_regex: Option<String>,
    /// HTTP: a condition on one header, e.g. `X-Amz-Target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderMatch>,
    /// HTTP: matched against the complete body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_regex: Option<String>,
    /// TCP: matched against the bytes of one read from the client, of one RESP command, or of one mail. Postgres: against
    /// one call, decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_regex: Option<String>,
    /// RESP: matched against the words of the command, joined by single spaces, e.g. `^GRAPH\.QUERY `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_regex: Option<String>,
    /// Postgres: matched against the statements of a call and their parameters, e.g.
    /// `^INSERT INTO tenants .* \$1=acme( |$)`. Comment lines at the beginning of the SQL are left out, and all white
    /// space is single spaces. A text parameter is shown as it is sent. A UUID, a number or an array (`{a,b}`) is shown
    /// as Postgres would write it, if the client names its type. NULL is `$1=NULL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_regex: Option<String>,
    /// Postgres: only calls on connections to this database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// TCP and Postgres, if no pattern is given: which moment counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<On>,
    /// Only calls from this local port of the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    /// The rule fires at the nth matching call, counted from 1. It does not fire again unless `times` says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// How many times the rule fires. Without `nth` the default is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// A condition on one header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// The name, in any case.
    pub name: String,
    /// Matched against each value of that name.
    pub regex: String,
}

/// Which moment of a TCP connection a rule without a pattern matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A new connection.
    #[default]
    Connect,
    /// Data from the client on a connection that was open already when the rule was made. It is past its TLS handshake
    /// and log-in, which would otherwise be counted. (A rule with a pattern matches on every connection.)
    Data,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The proxy answers instead of the upstream. With `after`, the upstream still sees the call, and its answer is
    /// replaced.
    Respond(Answer),
    /// The client's connection is reset (RST) before any byte of an answer.
    Cut {
        /// With `before` the upstream never sees the call; with `after` the effect has happened.
        when: When,
    },
    /// The call waits until the hold is released or its rule removed. Then the call goes on to the upstream (`before`),
    /// or the answer goes on to the client (`after`).
    Hold {
        /// Whether the call waits or its answer.
        when: When,
    },
    /// The call reaches the upstream after a delay.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// HTTP: the first calls get these statuses, in this order, with an empty body. Later calls pass.
    Sequence {
        /// One per call.
        statuses: Vec<u16>,
    },
}

/// An answer that the proxy gives itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Answer {
    /// For a TCP upstream or Postgres. A new connection (`connect`) gets the bytes in clear and is closed afterwards.
    /// An established connection goes on. A Postgres client waits for more unless the bytes end with `ReadyForQuery`.
    Bytes {
        /// The bytes for the client, in base64 (RFC 4648, padded).
        base64: String,
        /// `after`: in place of the upstream's reply.
        #[serde(default)]
        when: When,
    },
    /// For an HTTP upstream.
    Http {
        /// The status code, 100–999.
        status: u16,
        /// The headers. `Content-Length` is added.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body, sent as UTF-8.
        #[serde(default)]
        body: String,
        /// `after`: in place of the upstream's answer.
        #[serde(default)]
        when: When,
    },
}

/// The id of a rule. A process never uses one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u64);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The answer to a new rule.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Made {
    pub id: RuleId,
}

/// A rule and how often it was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// The rule's id.
    pub id: RuleId,
    /// The rule as it was made.
    pub rule: Rule,
    /// How many calls met its conditions, without regard to `nth` and `times`.
    pub matched: u64,
    /// How many calls it acted on.
    pub fired: u64,
}

/// A call that was seen: an HTTP request, a TCP connection, a RESP command or a Postgres call.
///
/// Headers, bodies, query strings, arguments and parameters are left out because they hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The order of arrival over all upstreams, from 1. Clearing the log does not reset it.
    pub seq: u64,
    /// The upstream's name.
    pub upstream: String,
    /// When it arrived.
    pub at: jiff::Timestamp,
    /// The client's local port.
    pub client_port: u16,
    /// The HTTP method, the RESP command's name (`ACL SETUSER`), `CONNECT` for a TCP connection, or `QUERY` for a
    /// Postgres call (without a statement: `SYNC` or `FUNCTION`).
    pub method: String,
    /// The HTTP path without the query, or the first 200 characters of the SQL without parameters. A simple query may
    /// hold literals, so only its first word is shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The value of `X-Amz-Target`, e.g. `secretsmanager.CreateSecret`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// Whether anything of it was sent to the upstream.
    pub forwarded: bool,
    /// HTTP: the upstream's status if it answered, otherwise the rule's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// When the upstream had answered: an HTTP request when the answer's headers came, a call of RESP or Postgres when its reply
    /// was complete. A connection to Postgres is answered when the client is logged in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answered: Option<jiff::Timestamp>,
    /// TCP and Postgres: bytes from the client to the upstream, decrypted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    /// The rules that fired at it: at most one, except for a TCP connection of unknown protocol.
    pub rules: Vec<RuleId>,
}

/// The calls seen since the log was cleared, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLog {
    /// How many older calls were dropped. The log holds 200,000.
    pub dropped: u64,
    /// The calls.
    pub calls: Vec<Call>,
}

/// A connection that a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The hold's id.
    pub id: u64,
    /// The rule that holds it.
    pub rule: RuleId,
    /// The upstream's name.
    pub upstream: String,
    /// As in [`Call::method`].
    pub method: String,
    /// As in [`Call::path`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Whether the upstream's effect has happened.
    pub when: When,
    /// The client's local port. From it and the upstream's address `/proc/net/tcp` gives the socket's inode, and
    /// `/proc/*/fd` gives the process.
    pub client_port: u16,
    /// When it was held.
    pub since: jiff::Timestamp,
}

/// An upstream's current state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// How its connections are understood.
    pub kind: UpstreamKind,
    /// Where its clients connect to.
    pub address: SocketAddr,
    /// How it behaves now.
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

/// The line that the proxy prints once it accepts connections.
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

/// The line is not one that [`Ready`] prints.
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
    fn the_ready_line_can_be_read_back() {
        let ready = Ready {
            control: ([127, 0, 0, 1], 4000).into(),
            upstreams: BTreeMap::from([("stripe".to_owned(), ([127, 0, 0, 1], 4001).into())]),
        };
        assert_eq!(ready.to_string(), r#"READY http://127.0.0.1:4000 {"stripe":"127.0.0.1:4001"}"#);
        assert_eq!(ready.to_string().parse(), Ok(ready));
        assert_eq!("READY".parse::<Ready>(), Err(NotReady));
    }

    #[test]
    fn rules_are_read_as_documented() {
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
