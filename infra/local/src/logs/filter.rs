//! Which lines are shown.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::Wanted;

/// How much a line matters, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// An event: its time in milliseconds since 1970, the log stream, the text.
#[derive(Debug, Deserialize)]
pub struct Event(pub i64, pub String, pub String);

/// Decides line by line. It remembers each stream, which is one invocation here: not every line of an invocation says what
/// the invocation is about.
pub struct Filter {
    function: Option<String>,
    level: Level,
    id: Option<String>,
    /// Slug and id of the wanted tenant, as far as they are known. `None`: all tenants, and lines about none.
    tenant: Option<BTreeSet<String>>,
    streams: HashMap<String, Invocation>,
}

/// What is known of an invocation.
#[derive(Default)]
struct Invocation {
    function: Option<String>,
    /// Lambda's id of it.
    id: Option<String>,
    /// The ids in its lines: of requests and of what they belong to.
    ids: BTreeSet<String>,
    /// The tenants that its lines name.
    tenants: BTreeSet<String>,
}

/// What a line says about itself.
struct Line<'a> {
    level: Level,
    function: Option<&'a str>,
    /// Empty if it is no JSON, or was logged outside a request.
    ids: Vec<&'a str>,
    tenants: Vec<&'a str>,
}

impl Filter {
    /// `id` is the wanted tenant's, if it is known.
    pub fn new(function: Option<&str>, wanted: &Wanted, id: Option<String>) -> Self {
        Self {
            function: function.map(str::to_owned),
            level: wanted.level.unwrap_or(Level::Debug),
            id: wanted.request_id.clone(),
            tenant: wanted.tenant.clone().map(|tenant| id.into_iter().chain([tenant]).collect()),
            streams: HashMap::new(),
        }
    }

    /// The lines to show of the next events, which are in order.
    pub fn pass(&mut self, events: &[Event]) -> Vec<String> {
        let parsed: Vec<Option<Value>> =
            events.iter().map(|Event(_, _, text)| serde_json::from_str(text).ok()).collect();
        for (Event(_, stream, text), json) in events.iter().zip(&parsed) {
            self.learn(stream, text, &Line::read(json.as_ref()));
        }
        let shown = events.iter().zip(&parsed).filter_map(|(Event(at, stream, text), json)| {
            let line = Line::read(json.as_ref());
            let invocation = &self.streams[stream];
            let function = line.function.or(invocation.function.as_deref());
            let wanted = !is_of_lambda(text) && self.wants(&line, invocation, function);
            let text = without_metadata(text.trim_end());
            wanted.then(|| format!("{} {:<26} {text}", clock(*at), function.unwrap_or("-")))
        });
        shown.collect()
    }

    fn learn(&mut self, stream: &str, text: &str, line: &Line<'_>) {
        let invocation = self.streams.entry(stream.to_owned()).or_default();
        if let Some(function) = line.function {
            invocation.function = Some(function.to_owned());
        }
        if let Some(id) = text.strip_prefix("START RequestId: ").and_then(|rest| rest.split(' ').next()) {
            invocation.id = Some(id.to_owned());
        }
        invocation.ids.extend(line.ids.iter().map(|&id| id.to_owned()));
        invocation.tenants.extend(line.tenants.iter().map(|&name| name.to_owned()));
        // A line that names the tenant twice tells its other name.
        if let Some(names) = &mut self.tenant
            && line.tenants.iter().any(|&name| names.contains(name))
        {
            names.extend(line.tenants.iter().map(|&name| name.to_owned()));
        }
    }

    fn wants(&self, line: &Line<'_>, invocation: &Invocation, function: Option<&str>) -> bool {
        if self.function.is_some() && self.function.as_deref() != function || line.level < self.level {
            return false;
        }
        if let Some(id) = &self.id {
            // A line without ids, such as the text of a crash, belongs to what its invocation was for.
            let inherited = line.ids.is_empty() && invocation.ids.contains(id);
            if !line.ids.contains(&id.as_str()) && !inherited && invocation.id.as_ref() != Some(id) {
                return false;
            }
        }
        let Some(names) = &self.tenant else { return true };
        if line.tenants.is_empty() {
            !invocation.tenants.is_empty() && invocation.tenants.is_subset(names)
        } else {
            line.tenants.iter().any(|&name| names.contains(name))
        }
    }
}

impl<'a> Line<'a> {
    /// What is no JSON was not written by a function's log: a process that crashed, or Lambda that ended it.
    fn read(json: Option<&'a Value>) -> Self {
        let Some(json) = json.filter(|json| json.is_object()) else {
            return Self { level: Level::Error, function: None, ids: Vec::new(), tenants: Vec::new() };
        };
        // The line's own fields, and those of the request that it belongs to.
        let texts = |names: &[&str]| -> Vec<&'a str> {
            let fields = [json, &json["span"]];
            fields.into_iter().flat_map(|of| names.iter().filter_map(move |&name| of[name].as_str())).collect()
        };
        let level = json["level"].as_str().and_then(|level| Level::from_str(level, true).ok());
        Self {
            // `trace` is below all that can be asked for.
            level: level.unwrap_or(Level::Debug),
            function: json["span"]["function"].as_str(),
            ids: texts(&["request_id", "correlation_id"]),
            tenants: texts(&["slug", "tenant_id"]),
        }
    }
}

/// START, END and REPORT of the Lambda service.
fn is_of_lambda(text: &str) -> bool {
    ["START RequestId: ", "END RequestId: ", "REPORT RequestId: "].iter().any(|begin| text.starts_with(begin))
}

/// A line without what only CloudWatch reads: which of its members are metrics.
fn without_metadata(text: &str) -> Cow<'_, str> {
    let cut = || {
        let (before, metadata) = text.split_once("\"_aws\":{")?;
        let (_, after) = metadata.split_once("\"Timestamp\":")?.1.split_once("},")?;
        Some(before.to_owned() + after)
    };
    cut().map_or(Cow::Borrowed(text), Cow::Owned)
}

fn clock(at: i64) -> String {
    Timestamp::from_millisecond(at).unwrap_or_default().strftime("%H:%M:%S.%3f").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ACME: &str = "01a22320-baf0-7045-afb1-e0958dee1b3a";

    /// One line of one function's invocation.
    fn event(at: i64, stream: &str, level: &str, message: &str, span: &Value) -> Event {
        Event(at, stream.to_owned(), json!({ "level": level, "message": message, "span": span }).to_string())
    }

    /// A request for acme, a step of its run, a recorder that knows the id only, a reconciler that works for two tenants,
    /// another tenant's request, and an invocation that crashes.
    fn log() -> Vec<Event> {
        let text = |at, stream: &str, text: &str| Event(at, stream.to_owned(), text.to_owned());
        let posted = json!({ "function": "provision-tenant", "request_id": "gateway-1", "correlation_id": "caller-1",
            "slug": "acme", "tenant_id": ACME });
        let step = json!({ "function": "step-1", "request_id": "lambda-2", "correlation_id": "caller-1", "slug": "acme",
            "tenant_id": ACME });
        let recorder = json!({ "function": "record-failure", "request_id": "lambda-3", "tenant_id": ACME });
        let reconciler = json!({ "function": "reconcile-tenants", "request_id": "lambda-4" });
        let other = json!({ "function": "get-tenant", "request_id": "gateway-5", "correlation_id": "gateway-5", "slug": "other" });
        let crash =
            json!({ "function": "step-2", "request_id": "lambda-6", "correlation_id": "caller-1", "tenant_id": ACME });
        let mut of_acme = event(6, "4", "WARN", "postponed", &reconciler);
        of_acme.2 = of_acme.2.replacen('{', &format!(r#"{{"tenant_id":"{ACME}","#), 1);
        let mut of_another = event(7, "4", "WARN", "postponed too", &reconciler);
        of_another.2 = of_another.2.replacen('{', r#"{"tenant_id":"another","#, 1);
        vec![
            text(0, "1", "START RequestId: lambda-1 Version: $LATEST"),
            event(1, "1", "INFO", "answered", &posted),
            text(1, "1", "REPORT RequestId: lambda-1	Duration: 3 ms"),
            event(2, "2", "DEBUG", "thinking", &step),
            event(3, "2", "WARN", "step not done", &step),
            event(4, "3", "WARN", "a run failed", &recorder),
            event(5, "4", "INFO", "reconciled", &reconciler),
            of_acme,
            of_another,
            event(8, "5", "INFO", "answered other", &other),
            text(9, "6", "START RequestId: lambda-6 Version: $LATEST"),
            text(9, "6", "memory allocation of 5 bytes failed"),
            event(9, "6", "INFO", "begun", &crash),
        ]
    }

    /// What each shown line says, without its time and function.
    fn shown(function: Option<&str>, wanted: &Wanted) -> Vec<String> {
        let lines = Filter::new(function, wanted, None).pass(&log());
        let said = |line: &String| {
            let text = &line[40..];
            let json: Option<Value> = serde_json::from_str(text).ok();
            json.map_or(text.to_owned(), |json| json["message"].as_str().unwrap_or_default().to_owned())
        };
        lines.iter().map(said).collect()
    }

    #[test]
    fn what_only_cloudwatch_reads_is_not_shown() {
        let line = concat!(
            r#"{"level":"INFO","message":"answered \"_aws\":{","_aws":{"CloudWatchMetrics":[{"Dimensions":[["service"]],"#,
            r#""Metrics":[{"Name":"Latency"}],"Namespace":"N"}],"Timestamp":1800000000000},"service":"ivory","Latency":1.5}"#
        );
        let shown = r#"{"level":"INFO","message":"answered \"_aws\":{","service":"ivory","Latency":1.5}"#;
        assert_eq!(without_metadata(line), shown);
        assert_eq!(without_metadata(shown), shown);
        assert_eq!(without_metadata(CRASH), CRASH);
    }

    const CRASH: &str = "memory allocation of 5 bytes failed";

    #[test]
    fn everything_is_shown_but_for_the_lines_of_lambda() {
        let all = shown(None, &Wanted::default());
        assert_eq!(all.len(), log().len() - 3, "{all:?}");
        let line = &Filter::new(None, &Wanted::default(), None).pass(&log())[0];
        assert!(line.starts_with("00:00:00.001 provision-tenant           {"), "{line}");
    }

    #[test]
    fn a_crash_belongs_to_its_invocations_function_and_is_an_error() {
        let errors = Wanted { level: Some(Level::Error), ..Wanted::default() };
        assert_eq!(shown(Some("step-2"), &errors), [CRASH]);
        assert_eq!(shown(None, &errors), [CRASH]);
    }

    #[test]
    fn a_level_means_this_one_and_worse() {
        let count = |level| shown(None, &Wanted { level: Some(level), ..Wanted::default() }).len();
        assert_eq!([Level::Error, Level::Warn, Level::Info, Level::Debug].map(count), [1, 5, 9, 10]);
    }

    #[test]
    fn a_tenants_lines_are_found_by_either_name() {
        let found = ["answered", "thinking", "step not done", "a run failed", "postponed", CRASH, "begun"];
        for tenant in ["acme", ACME] {
            let wanted = Wanted { tenant: Some(tenant.to_owned()), ..Wanted::default() };
            assert_eq!(shown(None, &wanted), found, "{tenant}");
        }
        // The recorder alone, which knows the id only: the slug was logged earlier.
        let late = |id: Option<&str>| {
            let wanted = Wanted { tenant: Some("acme".to_owned()), ..Wanted::default() };
            Filter::new(None, &wanted, id.map(str::to_owned)).pass(&log()[5..6]).len()
        };
        assert_eq!((late(None), late(Some(ACME))), (0, 1));
        let nobody = Wanted { tenant: Some("acm".to_owned()), ..Wanted::default() };
        assert!(shown(None, &nobody).is_empty());
    }

    #[test]
    fn an_id_is_the_gateways_the_callers_or_lambdas() {
        let of = |id: &str| shown(None, &Wanted { request_id: Some(id.to_owned()), ..Wanted::default() });
        assert_eq!(of("gateway-1"), ["answered"]);
        assert_eq!(of("lambda-1"), ["answered"], "named by START only");
        assert_eq!(of("lambda-2"), ["thinking", "step not done"]);
        assert_eq!(of("caller-1"), ["answered", "thinking", "step not done", CRASH, "begun"]);
        assert!(of("caller").is_empty());
    }

    #[test]
    fn conditions_are_joined_by_and() {
        let wanted = Wanted {
            tenant: Some("acme".to_owned()),
            level: Some(Level::Warn),
            request_id: Some("caller-1".to_owned()),
            ..Wanted::default()
        };
        assert_eq!(shown(None, &wanted), ["step not done", CRASH]);
        assert_eq!(shown(Some("step-1"), &wanted), ["step not done"]);
    }

    #[test]
    fn what_was_learnt_holds_for_later_events() {
        let wanted = Wanted { tenant: Some("acme".to_owned()), ..Wanted::default() };
        let mut filter = Filter::new(None, &wanted, None);
        let (first, second) = (log().drain(..4).collect::<Vec<_>>(), log().drain(5..6).collect::<Vec<_>>());
        assert_eq!((filter.pass(&first).len(), filter.pass(&second).len()), (2, 1));
    }
}
