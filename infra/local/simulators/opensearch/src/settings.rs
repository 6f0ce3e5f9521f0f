//! An index's settings: which there are, what they may be, and how they are shown.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::error::{Detail, Problem, Result};

/// `version.created` of an index made by 2.19.1.
const CREATED_BY: &str = "136407927";

#[derive(Clone, Copy)]
enum Kind {
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    /// A duration; `-1` turns refreshing off.
    Time,
}

/// The settings that may be given, by their full name.
const KNOWN: &[(&str, Kind)] = &[
    ("index.knn", Kind::Boolean),
    ("index.knn.algo_param.ef_search", Kind::Integer { min: 2, max: i32::MAX as i64 }),
    ("index.max_result_window", Kind::Integer { min: 1, max: i32::MAX as i64 }),
    ("index.number_of_replicas", Kind::Integer { min: 0, max: i32::MAX as i64 }),
    ("index.number_of_shards", Kind::Integer { min: 1, max: 1024 }),
    ("index.refresh_interval", Kind::Time),
];

/// What was given, by full name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads nested, dotted and mixed notations, with or without `index.`.
    pub(crate) fn parse(given: &Map<String, Value>) -> Result<Self> {
        let mut flat = BTreeMap::new();
        flatten("", given, &mut flat)?;
        let mut settings = BTreeMap::new();
        for (name, value) in flat {
            let name = if name.starts_with("index.") { name } else { format!("index.{name}") };
            settings.insert(name, value);
        }
        for (name, value) in &settings {
            let kind = KNOWN.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind);
            check(name, value, kind.ok_or_else(|| unknown(name))?)?;
        }
        Ok(Self(settings))
    }

    pub(crate) fn knn(&self) -> bool {
        self.0.get("index.knn").is_some_and(|value| value == "true")
    }

    pub(crate) fn shards(&self) -> u64 {
        self.integer("index.number_of_shards", 1)
    }

    pub(crate) fn replicas(&self) -> u64 {
        self.integer("index.number_of_replicas", 1)
    }

    /// The farthest hit a search may ask for.
    pub(crate) fn max_result_window(&self) -> u64 {
        self.integer("index.max_result_window", 10_000)
    }

    /// How long a write may stay invisible; for ever where refreshing is turned off.
    pub(crate) fn refresh_interval(&self) -> Option<Duration> {
        match self.0.get("index.refresh_interval").map(String::as_str) {
            None => Some(Duration::from_secs(1)),
            Some("-1") => None,
            Some(text) => parse_duration(text),
        }
    }

    fn integer(&self, name: &str, default: u64) -> u64 {
        self.0.get(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    /// As `GET /{index}` shows them: text, nested, with what the server adds.
    pub(crate) fn shown(&self, index: &str, uuid: &str, created_ms: i64) -> Value {
        let mut tree = Map::new();
        for (name, value) in &self.0 {
            let parts: Vec<&str> = name.trim_start_matches("index.").split('.').collect();
            nest(&mut tree, &parts, value);
        }
        tree.insert("number_of_shards".to_owned(), self.shards().to_string().into());
        tree.insert("number_of_replicas".to_owned(), self.replicas().to_string().into());
        tree.insert("replication".to_owned(), json!({ "type": "DOCUMENT" }));
        tree.insert("provided_name".to_owned(), index.into());
        tree.insert("creation_date".to_owned(), created_ms.to_string().into());
        tree.insert("uuid".to_owned(), uuid.into());
        tree.insert("version".to_owned(), json!({ "created": CREATED_BY }));
        json!({ "index": tree })
    }
}

fn flatten(prefix: &str, given: &Map<String, Value>, into: &mut BTreeMap<String, String>) -> Result<()> {
    for (key, value) in given {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) => flatten(&name, inner, into)?,
            Value::String(text) => drop(into.insert(name, text.clone())),
            Value::Number(_) | Value::Bool(_) => drop(into.insert(name, value.to_string())),
            Value::Null | Value::Array(_) => {
                return Err(Problem::not_simulated(&format!("the value of the setting [{name}]")));
            }
        }
    }
    Ok(())
}

/// A name below one that has a value itself is joined with it: `knn` and `knn.algo_param`.
fn nest(tree: &mut Map<String, Value>, parts: &[&str], value: &str) {
    match parts {
        [] => {}
        [last] => drop(tree.insert((*last).to_owned(), value.into())),
        [head, next, rest @ ..] if tree.get(*head).is_some_and(Value::is_string) => {
            let joined = format!("{head}.{next}");
            let parts: Vec<&str> = std::iter::once(joined.as_str()).chain(rest.iter().copied()).collect();
            nest(tree, &parts, value);
        }
        [head, rest @ ..] => {
            if let Value::Object(inner) = tree.entry(*head).or_insert_with(|| json!({})) {
                nest(inner, rest, value);
            }
        }
    }
}

fn check(name: &str, value: &str, kind: Kind) -> Result<()> {
    match kind {
        Kind::Boolean => match value {
            "true" | "false" => Ok(()),
            _ => {
                let reason = format!("Failed to parse value [{value}] as only [true] or [false] are allowed.");
                Err(Problem::illegal_argument(reason))
            }
        },
        Kind::Integer { min, max } => {
            let reason = format!("Failed to parse value [{value}] for setting [{name}]");
            match value.parse::<i64>() {
                Ok(number) if number < min => Err(Problem::illegal_argument(format!("{reason} must be >= {min}"))),
                Ok(number) if number > max => Err(Problem::illegal_argument(format!("{reason} must be <= {max}"))),
                Ok(_) => Ok(()),
                Err(_) => {
                    let cause = Detail::new("number_format_exception", format!("For input string: \"{value}\""));
                    Err(Problem::new(400, Detail::new("illegal_argument_exception", reason).caused_by(cause)))
                }
            }
        }
        Kind::Time => {
            if value == "-1" || parse_duration(value).is_some() {
                Ok(())
            } else {
                Err(no_duration(name, value))
            }
        }
    }
}

/// A duration like `10s`, `100ms` or `1m`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let number: u64 = digits.parse().ok()?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.saturating_mul(60))),
        "h" => Some(Duration::from_secs(number.saturating_mul(3600))),
        _ => None,
    }
}

pub(crate) fn no_duration(name: &str, text: &str) -> Problem {
    Problem::illegal_argument(format!(
        "failed to parse setting [{name}] with value [{text}] as a time value: unit is missing or unrecognized"
    ))
}

fn unknown(name: &str) -> Problem {
    let similar = KNOWN.iter().map(|(known, _)| *known).find(|known| similarity(name, known) > 0.7);
    let advice = match similar {
        Some(known) => format!("did you mean [{known}]?"),
        None => "please check that any required plugins are installed, or check the breaking changes documentation \
                 for removed settings"
            .to_owned(),
    };
    Problem::illegal_argument(format!("unknown setting [{name}] {advice}"))
}

/// One minus the edit distance in parts of the longer name.
fn similarity(a: &str, b: &str) -> f64 {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut length = 0;
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        length = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    let as_f64 = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    1.0 - as_f64(row[b.len()]) / as_f64(length.max(b.len()).max(1))
}
