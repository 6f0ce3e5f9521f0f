//! The calls of outside systems, as the proxy before them saw them, and whose they are.

use std::collections::HashMap;

use fault_proxy::client::Call;

use crate::journal::Invocation;

/// A call or a log-in, from its arrival to its answer, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub from: f64,
    pub to: f64,
    /// Whether it is a log-in to a database.
    pub is_log_in: bool,
}

/// Each invocation's calls. A connection belongs to one function; which one shows while no other is at work.
pub fn of<'a>(invocations: &'a [Invocation], calls: &[Call]) -> Vec<(&'a Invocation, Vec<Span>)> {
    let at_work = |at: f64| invocations.iter().filter(move |one| one.given <= at && at <= one.answered);
    let mut votes: HashMap<(&str, u16), HashMap<&str, usize>> = HashMap::new();
    for call in calls {
        let mut present = at_work(seconds(call.at));
        if let (Some(only), None) = (present.next(), present.next()) {
            *votes.entry(port(call)).or_default().entry(only.function.as_str()).or_default() += 1;
        }
    }
    let owner = |call: &Call| votes.get(&port(call))?.iter().max_by_key(|(_, votes)| **votes).map(|(name, _)| *name);
    let own = |one: &Invocation| {
        let during = calls.iter().filter(|call| {
            let at = seconds(call.at);
            one.given <= at && at <= one.answered && owner(call).is_none_or(|owner| owner == one.function)
        });
        during
            .filter_map(|call| {
                let is_log_in = call.method == "CONNECT";
                Some(Span { from: seconds(call.at), to: seconds(call.answered?), is_log_in })
            })
            .collect()
    };
    invocations.iter().map(|one| (one, own(one))).collect()
}

/// The time in which at least one of them was under way, in milliseconds.
pub fn under_way(spans: impl Iterator<Item = Span>) -> f64 {
    let mut spans: Vec<_> = spans.collect();
    spans.sort_by(|one, other| one.from.total_cmp(&other.from));
    let (mut total, mut until) = (0.0, f64::MIN);
    for span in spans {
        total += (span.to - span.from.max(until)).max(0.0);
        until = until.max(span.to);
    }
    total * 1e3
}

fn port(call: &Call) -> (&str, u16) {
    (&call.upstream, call.client_port)
}

fn seconds(at: jiff::Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn invocation(function: &str, given: f64, answered: f64) -> Invocation {
        Invocation { function: function.to_owned(), process: 1, given, answered, init: None, before: 0.0, after: 0.0 }
    }

    fn call(port: u16, at: i64, answered: i64) -> Call {
        let time = |ms| Timestamp::from_millisecond(ms).expect("a time");
        Call {
            seq: 0,
            upstream: "postgres".to_owned(),
            at: time(at),
            client_port: port,
            method: "QUERY".to_owned(),
            path: None,
            target: None,
            forwarded: true,
            status: None,
            answered: Some(time(answered)),
            bytes: None,
            rules: Vec::new(),
        }
    }

    #[test]
    fn a_call_is_counted_for_whoever_has_its_connection() {
        let invocations = [invocation("a", 0.0, 2.0), invocation("b", 1.0, 3.0)];
        let calls = [call(1, 500, 600), call(1, 1500, 1600), call(2, 1700, 1800), call(2, 2500, 2700)];
        let of = of(&invocations, &calls);
        assert_eq!(of.iter().map(|(_, spans)| spans.len()).collect::<Vec<_>>(), [2, 2]);
        assert!((of[1].1[1].from - 2.5).abs() < 1e-5);
    }

    #[test]
    fn what_overlaps_counts_once() {
        let span = |from, to| Span { from, to, is_log_in: false };
        assert!(
            (under_way([span(1.0, 2.0), span(1.5, 1.7), span(1.9, 2.1), span(3.0, 3.1)].into_iter()) - 1200.0).abs()
                < 1e-6
        );
    }
}
