//! Which parts of a document a hit shows.

use serde_json::{Map, Value};

use crate::cluster::matches;
use crate::error::{Detail, Problem, Result};

/// The `_source` of a search.
pub(super) enum Selection {
    All,
    Nothing,
    Some { includes: Vec<String>, excludes: Vec<String> },
}

impl Selection {
    pub(super) fn parse(given: &Value) -> Result<Self> {
        match given {
            Value::Bool(true) => Ok(Self::All),
            Value::Bool(false) => Ok(Self::Nothing),
            Value::String(_) | Value::Array(_) => Ok(Self::Some { includes: patterns(given)?, excludes: Vec::new() }),
            Value::Object(given) => {
                let (mut includes, mut excludes) = (Vec::new(), Vec::new());
                for (key, value) in given {
                    match key.as_str() {
                        "include" | "includes" => includes = patterns(value)?,
                        "exclude" | "excludes" => excludes = patterns(value)?,
                        _ => return Err(unfit(&format!("Unknown key for a {value} in [{key}]."))),
                    }
                }
                Ok(Self::Some { includes, excludes })
            }
            Value::Null | Value::Number(_) => Err(unfit("Expected one of [VALUE_BOOLEAN, START_OBJECT] for [_source]")),
        }
    }

    pub(super) fn of(&self, source: &Map<String, Value>) -> Option<Map<String, Value>> {
        match self {
            Self::All => Some(source.clone()),
            Self::Nothing => None,
            Self::Some { includes, excludes } => Some(select("", source, includes, excludes)),
        }
    }
}

fn patterns(given: &Value) -> Result<Vec<String>> {
    let entries = given.as_array().map_or(std::slice::from_ref(given), Vec::as_slice);
    let text = |entry: &Value| entry.as_str().map(str::to_owned);
    entries.iter().map(text).collect::<Option<_>>().ok_or_else(|| unfit("Unknown key for a VALUE in [_source]."))
}

fn unfit(reason: &str) -> Problem {
    Problem::new(400, Detail::new("parsing_exception", reason))
}

fn select(prefix: &str, source: &Map<String, Value>, includes: &[String], excludes: &[String]) -> Map<String, Value> {
    let mut selected = Map::new();
    for (key, value) in source {
        let path = format!("{prefix}{key}");
        if excludes.iter().any(|pattern| matches(pattern, &path)) {
            continue;
        }
        let whole = includes.is_empty() || includes.iter().any(|pattern| matches(pattern, &path));
        match value {
            Value::Object(inner) => {
                // An included object is included whole, except for what is excluded.
                let includes = if whole { &[] } else { includes };
                let inner = select(&format!("{path}."), inner, includes, excludes);
                if whole || !inner.is_empty() {
                    selected.insert(key.clone(), inner.into());
                }
            }
            _ if whole => drop(selected.insert(key.clone(), value.clone())),
            _ => {}
        }
    }
    selected
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Selection;

    #[test]
    fn selections() {
        let source = json!({ "a": 1, "o": { "x": 1, "y": 2 } });
        let source = source.as_object().expect("an object");
        for (given, expected) in [
            (json!(true), Some(json!({ "a": 1, "o": { "x": 1, "y": 2 } }))),
            (json!(false), None),
            (json!(["o.x"]), Some(json!({ "o": { "x": 1 } }))),
            (json!("o"), Some(json!({ "o": { "x": 1, "y": 2 } }))),
            (json!({ "excludes": ["o.*"] }), Some(json!({ "a": 1, "o": {} }))),
        ] {
            let selected = Selection::parse(&given).expect("a selection").of(source);
            assert_eq!(selected.map(serde_json::Value::from), expected, "{given}");
        }
    }
}
