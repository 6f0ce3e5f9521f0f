//! Decides which rule fires at a call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use regex::bytes::Regex;

use crate::api::{Action, Answer, Match, On, Rule, RuleId, RuleStatus, UpstreamKind, When};

/// Why a rule is refused: it could never fire as intended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleError {
    #[error("there is no upstream of that name")]
    UnknownUpstream,
    #[error("`{field}` is no regular expression: {source}")]
    Regex { field: &'static str, source: regex::Error },
    #[error("`{0}` is not for this kind of upstream")]
    WrongKind(&'static str),
    #[error("`on` cannot be combined with `bytes_regex`, `command_regex`, `statement_regex` or `database`")]
    MomentAndPattern,
    #[error("`nth` and `times` count from 1")]
    Zero,
    #[error("{0} is no HTTP status")]
    Status(u16),
    #[error("`{0}` is no valid header")]
    Header(String),
    #[error("`base64` is no base64")]
    Base64,
}

/// What a rule is matched against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// `body` is `None` if it has not been read.
    Request {
        method: &'a Method,
        path: &'a str,
        headers: &'a HeaderMap,
        body: Option<&'a [u8]>,
    },
    Connect,
    /// `text`: the words of a RESP command joined by spaces, or the SQL and parameters of Postgres statements.
    Data {
        bytes: &'a [u8],
        text: Option<&'a [u8]>,
        /// The Postgres database of the connection.
        database: &'a [u8],
    },
}

/// Who makes a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub upstream: &'a str,
    pub client_port: u16,
    /// The number of the connection.
    pub connection: u64,
}

/// A rule that fires, and what it does.
#[derive(Debug, Clone)]
pub(crate) struct Fired {
    pub rule: RuleId,
    pub act: Act,
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Respond(Reply, When),
    Cut(When),
    Hold(When),
    Delay(Duration),
}

/// An answer that the proxy gives itself. For TCP it is only the body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// All rules of the process, in the order they were made.
#[derive(Debug, Default)]
pub(crate) struct Rules(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    rules: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: RuleId,
    rule: Rule,
    patterns: Patterns,
    script: Script,
    /// The number of the first connection opened after the rule was made.
    next_connection: u64,
    nth: u64,
    limit: u64,
    matched: u64,
    fired: u64,
}

#[derive(Debug)]
struct Patterns {
    path: Option<Regex>,
    header: Option<(HeaderName, Regex)>,
    body: Option<Regex>,
    bytes: Option<Regex>,
    /// For the text of a command or a statement.
    text: Option<Regex>,
}

#[derive(Debug)]
enum Script {
    Always(Act),
    Sequence(Vec<StatusCode>),
}

impl Rules {
    /// Adds a rule. Connections with numbers below `next_connection` were opened before it.
    pub fn add(&self, kind: UpstreamKind, rule: Rule, next_connection: u64) -> Result<RuleId, RuleError> {
        let Match { nth, times, .. } = rule.matching;
        if nth == Some(0) || times == Some(0) {
            return Err(RuleError::Zero);
        }
        let (patterns, script) = (Patterns::compile(kind, &rule.matching)?, Script::compile(kind, &rule.action)?);
        let times = times.unwrap_or(if nth.is_some() { 1 } else { u64::MAX });
        let limit = match &script {
            Script::Always(_) => times,
            Script::Sequence(statuses) if nth.is_some() && rule.matching.times.is_none() => statuses.len() as u64,
            Script::Sequence(statuses) => times.min(statuses.len() as u64),
        };
        let mut table = self.lock();
        table.last += 1;
        let id = RuleId(table.last);
        let nth = nth.unwrap_or(1);
        table.rules.push(Entry { id, rule, patterns, script, next_connection, nth, limit, matched: 0, fired: 0 });
        Ok(id)
    }

    /// Finds the first rule that fires at this call, and counts it as fired.
    pub fn fire(&self, caller: Caller<'_>, subject: Subject<'_>) -> Option<Fired> {
        self.lock().rules.iter_mut().find_map(|entry| entry.fire(caller, subject))
    }

    /// Whether some rule depends on the body of this request.
    pub fn wants_body(&self, caller: Caller<'_>, subject: Subject<'_>) -> bool {
        let table = self.lock();
        let mut candidates =
            table.rules.iter().filter(|entry| entry.patterns.body.is_some() && entry.fired < entry.limit);
        candidates.any(|entry| entry.matches(caller, subject))
    }

    pub fn contains(&self, id: RuleId) -> bool {
        self.lock().rules.iter().any(|entry| entry.id == id)
    }

    pub fn list(&self) -> Vec<RuleStatus> {
        let table = self.lock();
        let status = |e: &Entry| RuleStatus { id: e.id, rule: e.rule.clone(), matched: e.matched, fired: e.fired };
        table.rules.iter().map(status).collect()
    }

    /// Removes one rule or all of them, and returns the ids.
    pub fn remove(&self, only: Option<RuleId>) -> Vec<RuleId> {
        let mut table = self.lock();
        let gone = table.rules.extract_if(.., |entry| only.is_none_or(|id| entry.id == id));
        gone.map(|entry| entry.id).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn fire(&mut self, caller: Caller<'_>, subject: Subject<'_>) -> Option<Fired> {
        if !self.matches(caller, subject) {
            return None;
        }
        self.matched += 1;
        if self.matched < self.nth || self.fired >= self.limit {
            return None;
        }
        let act = match &self.script {
            Script::Always(act) => act.clone(),
            Script::Sequence(statuses) => {
                let status = *statuses.get(usize::try_from(self.fired).ok()?)?;
                Act::Respond(Reply { status, ..Reply::default() }, When::Before)
            }
        };
        self.fired += 1;
        Some(Fired { rule: self.id, act })
    }

    /// A condition on a body that was not read counts as met.
    fn matches(&self, caller: Caller<'_>, subject: Subject<'_>) -> bool {
        let (rule, patterns) = (&self.rule.matching, &self.patterns);
        if self.rule.upstream != caller.upstream || rule.client_port.is_some_and(|port| port != caller.client_port) {
            return false;
        }
        match subject {
            Subject::Request { method, path, headers, body } => {
                let header = |(name, regex): &(HeaderName, Regex)| {
                    headers.get_all(name).iter().any(|value| regex.is_match(value.as_bytes()))
                };
                rule.method.as_deref().is_none_or(|wanted| wanted == method.as_str())
                    && patterns.path.as_ref().is_none_or(|regex| regex.is_match(path.as_bytes()))
                    && patterns.header.as_ref().is_none_or(header)
                    && patterns.body.as_ref().is_none_or(|regex| body.is_none_or(|body| regex.is_match(body)))
            }
            Subject::Connect => !self.has_pattern() && rule.on.unwrap_or_default() == On::Connect,
            Subject::Data { .. } if !self.has_pattern() => {
                rule.on == Some(On::Data) && caller.connection < self.next_connection
            }
            Subject::Data { bytes, text, database } => {
                let says = |regex: &Regex| text.is_some_and(|text| regex.is_match(text));
                patterns.bytes.as_ref().is_none_or(|regex| regex.is_match(bytes))
                    && patterns.text.as_ref().is_none_or(says)
                    && rule.database.as_ref().is_none_or(|wanted| wanted.as_bytes() == database)
            }
        }
    }

    fn has_pattern(&self) -> bool {
        self.patterns.bytes.is_some() || self.patterns.text.is_some() || self.rule.matching.database.is_some()
    }
}

impl Patterns {
    fn compile(kind: UpstreamKind, from: &Match) -> Result<Self, RuleError> {
        use UpstreamKind::{Http, Postgres, Tcp};
        let conditions: [(_, _, &[UpstreamKind]); 9] = [
            ("method", from.method.is_some(), &[Http]),
            ("path_regex", from.path_regex.is_some(), &[Http]),
            ("header", from.header.is_some(), &[Http]),
            ("body_regex", from.body_regex.is_some(), &[Http]),
            ("bytes_regex", from.bytes_regex.is_some(), &[Tcp, Postgres]),
            ("command_regex", from.command_regex.is_some(), &[Tcp]),
            ("statement_regex", from.statement_regex.is_some(), &[Postgres]),
            ("database", from.database.is_some(), &[Postgres]),
            ("on", from.on.is_some(), &[Tcp, Postgres]),
        ];
        if let Some((field, ..)) = conditions.iter().find(|(_, given, kinds)| *given && !kinds.contains(&kind)) {
            return Err(RuleError::WrongKind(field));
        }
        let patterns = [&from.bytes_regex, &from.command_regex, &from.statement_regex, &from.database];
        if from.on.is_some() && patterns.iter().any(|pattern| pattern.is_some()) {
            return Err(RuleError::MomentAndPattern);
        }
        let regex = |field, text: &Option<String>| {
            let compiled = text.as_deref().map(Regex::new).transpose();
            compiled.map_err(|source| RuleError::Regex { field, source })
        };
        let header = from.header.as_ref().map(|header| {
            let name = header.name.parse().map_err(|_| RuleError::Header(header.name.clone()))?;
            let value = Regex::new(&header.regex).map_err(|source| RuleError::Regex { field: "header", source })?;
            Ok((name, value))
        });
        Ok(Self {
            path: regex("path_regex", &from.path_regex)?,
            header: header.transpose()?,
            body: regex("body_regex", &from.body_regex)?,
            bytes: regex("bytes_regex", &from.bytes_regex)?,
            text: regex("command_regex", &from.command_regex)?.or(regex("statement_regex", &from.statement_regex)?),
        })
    }
}

impl Script {
    fn compile(kind: UpstreamKind, action: &Action) -> Result<Self, RuleError> {
        let status = |code: u16| StatusCode::from_u16(code).map_err(|_| RuleError::Status(code));
        let act = match (action, kind) {
            (Action::Cut { when }, _) => Act::Cut(*when),
            (Action::Hold { when }, _) => Act::Hold(*when),
            (Action::Delay { ms }, _) => Act::Delay(Duration::from_millis(*ms)),
            (Action::Sequence { statuses }, UpstreamKind::Http) => {
                return statuses.iter().copied().map(status).collect::<Result<_, _>>().map(Self::Sequence);
            }
            (Action::Sequence { .. }, UpstreamKind::Tcp | UpstreamKind::Postgres) => {
                return Err(RuleError::WrongKind("sequence"));
            }
            (Action::Respond(Answer::Http { status: code, headers, body, when }), UpstreamKind::Http) => {
                let header = |(name, value): (&String, &String)| {
                    let parsed = name.parse::<HeaderName>().ok().zip(value.parse::<HeaderValue>().ok());
                    parsed.ok_or_else(|| RuleError::Header(name.clone()))
                };
                let headers = headers.iter().map(header).collect::<Result<_, _>>()?;
                Act::Respond(Reply { status: status(*code)?, headers, body: body.clone().into() }, *when)
            }
            (Action::Respond(Answer::Bytes { base64, when }), UpstreamKind::Tcp | UpstreamKind::Postgres) => {
                let body = BASE64_STANDARD.decode(base64).map_err(|_| RuleError::Base64)?.into();
                Act::Respond(Reply { body, ..Reply::default() }, *when)
            }
            (Action::Respond(Answer::Http { .. }), UpstreamKind::Tcp | UpstreamKind::Postgres) => {
                return Err(RuleError::WrongKind("status"));
            }
            (Action::Respond(Answer::Bytes { .. }), UpstreamKind::Http) => return Err(RuleError::WrongKind("base64")),
        };
        Ok(Self::Always(act))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIPE: Caller<'_> = Caller { upstream: "stripe", client_port: 4000, connection: 1 };

    fn rules(kind: UpstreamKind, matching: Match, action: Action) -> Result<Rules, RuleError> {
        let rules = Rules::default();
        rules.add(kind, Rule { upstream: "stripe".to_owned(), matching, action }, 2)?;
        Ok(rules)
    }

    fn statuses(rules: &Rules, calls: usize) -> Vec<Option<u16>> {
        let subject = Subject::Request { method: &Method::GET, path: "/", headers: &HeaderMap::new(), body: Some(b"") };
        let status = |fired: Fired| match fired.act {
            Act::Respond(reply, _) => reply.status.as_u16(),
            Act::Cut(_) | Act::Hold(_) | Act::Delay(_) => 0,
        };
        (0..calls).map(|_| rules.fire(STRIPE, subject).map(status)).collect()
    }

    #[test]
    fn nth_and_times_count_matching_calls() {
        let cut = Action::Cut { when: When::Before };
        let fires = |nth, times| {
            let matching = Match { nth, times, ..Match::default() };
            let rules = rules(UpstreamKind::Http, matching, cut.clone()).expect("a rule");
            statuses(&rules, 4).iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!(fires(None, None), [true, true, true, true]);
        assert_eq!(fires(Some(2), None), [false, true, false, false]);
        assert_eq!(fires(None, Some(2)), [true, true, false, false]);
        assert_eq!(fires(Some(2), Some(2)), [false, true, true, false]);
    }

    #[test]
    fn calls_pass_after_a_sequence() {
        let action = Action::Sequence { statuses: vec![500, 502] };
        let all = rules(UpstreamKind::Http, Match::default(), action.clone()).expect("a rule");
        assert_eq!(statuses(&all, 4), [Some(500), Some(502), None, None]);
        let later = Match { nth: Some(2), ..Match::default() };
        let later = rules(UpstreamKind::Http, later, action).expect("a rule");
        assert_eq!(statuses(&later, 4), [None, Some(500), Some(502), None]);
    }

    #[test]
    fn rules_that_can_never_fire_are_refused() {
        use UpstreamKind::{Http, Postgres, Tcp};
        let cut = r#"{"type":"cut","when":"before"}"#;
        for (kind, matching, action, refusal) in [
            (Http, r#"{"path_regex":"("}"#, cut, "`path_regex` is no regular expression"),
            (Postgres, r#"{"statement_regex":"("}"#, cut, "`statement_regex` is no regular expression"),
            (Tcp, r#"{"path_regex":"a"}"#, cut, "`path_regex` is not for this kind of upstream"),
            (Http, r#"{"command_regex":"a"}"#, cut, "`command_regex` is not for this kind of upstream"),
            (Postgres, r#"{"command_regex":"a"}"#, cut, "`command_regex` is not for this kind of upstream"),
            (Http, r#"{"statement_regex":"a"}"#, cut, "`statement_regex` is not for this kind of upstream"),
            (Tcp, r#"{"statement_regex":"a"}"#, cut, "`statement_regex` is not for this kind of upstream"),
            (Postgres, r#"{"statement_regex":"a","on":"data"}"#, cut, "`on` cannot be combined"),
            (Http, r#"{"nth":0}"#, cut, "`nth` and `times` count from 1"),
            (Http, "{}", r#"{"type":"sequence","statuses":[20]}"#, "20 is no HTTP status"),
            (Tcp, "{}", r#"{"type":"respond","base64":"!"}"#, "`base64` is no base64"),
        ] {
            let (matching, action) = (serde_json::from_str(matching), serde_json::from_str(action));
            let refused = rules(kind, matching.expect("a match"), action.expect("an action")).map(|_| ());
            assert!(refused.expect_err(refusal).to_string().starts_with(refusal), "{refusal}");
        }
    }

    #[test]
    fn without_a_pattern_data_means_connections_older_than_the_rule() {
        let matching = Match { on: Some(On::Data), ..Match::default() };
        let rules = rules(UpstreamKind::Tcp, matching, Action::Cut { when: When::Before }).expect("a rule");
        let data = Subject::Data { bytes: b"x", text: None, database: b"" };
        assert!(rules.fire(STRIPE, Subject::Connect).is_none());
        assert!(rules.fire(Caller { connection: 2, ..STRIPE }, data).is_none());
        assert!(rules.fire(STRIPE, data).is_some());
    }

    #[test]
    fn the_body_is_wanted_only_if_it_decides() {
        let matching = Match { method: Some("POST".to_owned()), body_regex: Some("b".to_owned()), ..Match::default() };
        let rules = rules(UpstreamKind::Http, matching, Action::Cut { when: When::Before }).expect("a rule");
        let headers = HeaderMap::new();
        let request = |method, body| Subject::Request { method, path: "/", headers: &headers, body };
        assert!(rules.wants_body(STRIPE, request(&Method::POST, None)));
        assert!(!rules.wants_body(STRIPE, request(&Method::GET, None)));
        assert!(rules.fire(STRIPE, request(&Method::POST, Some(b"a"))).is_none());
        assert!(rules.fire(STRIPE, request(&Method::POST, Some(b"abc"))).is_some());
    }
}
