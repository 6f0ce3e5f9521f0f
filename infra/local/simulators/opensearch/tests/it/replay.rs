//! Recorded requests get the recorded answers, but for what differs from run to run.

use std::sync::LazyLock;

use opensearch_simulator::Config;
use regex::Regex;
use serde_json::Value;

use crate::http::{JSON, send, start};

/// What the stand-in does not do. Each of these is answered with 501.
const NOT_SIMULATED: [&str; 5] = ["painless_knn_score", "painless_fn", "cat_plugins", "knn_stats", "cat_indices"];

/// As in `index [name/id] already exists`.
static ID_IN_TEXT: LazyLock<Regex> = LazyLock::new(|| Regex::new("/[A-Za-z0-9_-]{22}\\]").expect("a pattern"));

struct Exchange<'a> {
    name: &'a str,
    method: &'a str,
    path: &'a str,
    body: String,
    answer: String,
    status: u16,
    content_type: &'a str,
}

impl<'a> Exchange<'a> {
    fn parse(block: &'a str) -> Self {
        let mut lines = block.lines();
        let name = lines.next().expect("a name");
        let mut sent = Vec::new();
        let mut answer = Vec::new();
        let mut outcome = None;
        for line in lines {
            if let Some(line) = line.strip_prefix("> ") {
                sent.push(line);
            } else if let Some(line) = line.strip_prefix("< ") {
                outcome = line.split_once(' ');
            } else {
                answer.push(line);
            }
        }
        let (method, path) = sent[0].split_once(' ').expect("a request line");
        let (status, content_type) = outcome.expect("an outcome");
        Self {
            name,
            method,
            path,
            body: sent.get(1).map(|body| body.replace("\\n", "\n")).unwrap_or_default(),
            answer: answer.join("\n"),
            status: status.parse().expect("a status"),
            content_type,
        }
    }

    /// The recording does not say which content type was sent; none where this is empty.
    fn sent_content_type(&self) -> &'static str {
        match self.name {
            "bad_content_type" => "text/plain",
            "bulk" => "application/x-ndjson",
            "no_ct" => "",
            _ => JSON,
        }
    }
}

/// Replaces what is different in every run.
fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), &*value) {
                    ("index_uuid" | "uuid" | "cluster_uuid" | "node", Value::String(id)) if id != "_na_" => {
                        *value = "<id>".into();
                    }
                    ("took" | "creation_date" | "store.size" | "pri.store.size", _) => *value = "<volatile>".into(),
                    _ => mask(value),
                }
            }
        }
        Value::Array(entries) => {
            entries.iter_mut().for_each(mask);
            // `_cat` lists indexes in no order.
            if entries.iter().all(|entry| entry.get("index").is_some()) {
                entries.sort_by_key(|entry| entry["index"].to_string());
            }
        }
        Value::String(text) => {
            *text = ID_IN_TEXT.replace_all(text, "/<id>]").into_owned();
            // Methods are listed in no order.
            if let Some((before, methods)) = text.split_once("allowed: [") {
                let mut methods: Vec<&str> = methods.trim_end_matches(']').split(", ").collect();
                methods.sort_unstable();
                *text = format!("{before}allowed: [{}]", methods.join(", "));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn masked(text: &str) -> Value {
    let mut value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    mask(&mut value);
    value
}

/// Sends every request of a recording and returns how many there were; every difference is reported at once.
async fn replay(recording: &str) -> usize {
    let real = std::env::var("OPENSEARCH_REAL_URL").ok();
    let address = match &real {
        Some(url) => url.trim_start_matches("http://").trim_end_matches('/').to_owned(),
        None => start(Config { cluster_name: "testnode".to_owned(), credentials: None }).await,
    };
    let (exchanges, heads) = recording.split_once("### HEAD checks\n").unwrap_or((recording, ""));
    let mut differences = Vec::new();
    let mut sent = 0;
    for block in exchanges.split("### ").skip(1) {
        let recorded = Exchange::parse(block);
        let content_type = format!("Content-Type: {}", recorded.sent_content_type());
        let bare = recorded.body.is_empty() || recorded.sent_content_type().is_empty();
        let headers: &[&str] = if bare { &[] } else { &[&content_type] };
        let answer = send(&address, recorded.method, recorded.path, headers, &recorded.body).await;
        if NOT_SIMULATED.contains(&recorded.name) {
            assert!(real.is_some() || answer.status == 501, "{} is simulated", recorded.name);
            continue;
        }
        sent += 1;
        let (expected, got) = (masked(&recorded.answer), masked(&answer.body));
        if (answer.status, answer.content_type.as_str(), &got) != (recorded.status, recorded.content_type, &expected) {
            differences.push(format!(
                "{}\n  expected {} {expected}\n  got      {} {got}",
                recorded.name, recorded.status, answer.status
            ));
        }
    }
    for line in heads.lines() {
        let (request, status) = line.split_once(" -> ").expect("a check");
        let answer = send(&address, "HEAD", request.trim_start_matches("HEAD "), &[], "").await;
        assert_eq!(answer.status.to_string(), status, "{request}");
        sent += 1;
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    sent
}

#[tokio::test]
async fn as_recorded() {
    assert_eq!(replay(include_str!("../recorded/opensearch-2.19.1.txt")).await, 79);
}

#[tokio::test]
async fn as_recorded_further() {
    assert_eq!(replay(include_str!("../recorded/opensearch-2.19.1-more.txt")).await, 149);
}
