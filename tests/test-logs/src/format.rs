//! CloudWatch's embedded metric format, read more strictly than CloudWatch does: it drops what it cannot read without a word.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Bytes of the longest line.
const LONGEST_LINE: usize = 1024 * 1024;
const MOST_DIMENSIONS: usize = 30;
const MOST_METRICS: usize = 100;
/// Values of one metric in one line.
const MOST_VALUES: usize = 100;
/// Characters of the longest name or value.
const LONGEST_TEXT: usize = 1024;
/// The same of a dimension's name.
const LONGEST_DIMENSION: usize = 250;
/// Milliseconds: two weeks, two hours.
const OLDEST: u64 = 14 * 86_400_000;
const NEWEST: u64 = 2 * 3_600_000;

const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// Where the metric is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What the value is.
    pub unit: String,
    /// The value.
    pub value: f64,
    /// What it is a value of.
    pub dimensions: BTreeMap<String, String>,
}

/// The metrics of a line of the log, in the order of its directives and of their dimension sets; none if it has no `_aws`.
///
/// # Errors
/// The first rule that the line breaks.
pub fn metrics(line: &str) -> Result<Vec<Datum>, String> {
    ensure(line.len() <= LONGEST_LINE, || format!("{} bytes", line.len()))?;
    let Members(root) = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    let Some(metadata) = root.get("_aws") else { return Ok(Vec::new()) };
    let metadata = closed(metadata, &["Timestamp", "CloudWatchMetrics"], &[])?;
    timely(&metadata["Timestamp"])?;
    let directives = list(&metadata["CloudWatchMetrics"])?;
    let mut data = Vec::new();
    for directive in directives {
        let directive = closed(directive, &["Namespace", "Dimensions", "Metrics"], &[])?;
        let namespace = text(&directive["Namespace"], LONGEST_TEXT)?;
        ensure(!namespace.starts_with("AWS/") && !namespace.starts_with(':'), || format!("Namespace {namespace}"))?;
        let metrics = list(&directive["Metrics"])?;
        ensure((1..=MOST_METRICS).contains(&metrics.len()), || format!("{} metrics", metrics.len()))?;
        for dimensions in list(&directive["Dimensions"])? {
            let dimensions = dimension_set(dimensions, &root)?;
            let mut names = BTreeSet::new();
            for metric in metrics {
                let metric = closed(metric, &["Name"], &["Unit", "StorageResolution"])?;
                let name = text(&metric["Name"], LONGEST_TEXT)?;
                ensure(names.insert(name), || format!("{name} is listed twice"))?;
                let unit = metric.get("Unit").map_or(Ok("None"), |unit| text(unit, LONGEST_TEXT))?;
                ensure(UNITS.contains(&unit), || format!("{name}: no unit {unit}"))?;
                let resolution = metric.get("StorageResolution").and_then(Value::as_u64).unwrap_or(60);
                ensure([1, 60].contains(&resolution), || format!("{name}: StorageResolution {resolution}"))?;
                for value in values(name, root.get(name))? {
                    let (namespace, name, unit) = (namespace.to_owned(), name.to_owned(), unit.to_owned());
                    data.push(Datum { namespace, name, unit, value, dimensions: dimensions.clone() });
                }
            }
        }
    }
    ensure(!data.is_empty(), || "it has _aws and no metrics".to_owned())?;
    Ok(data)
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// An object with these members, and perhaps those, and no others.
fn closed<'a>(
    value: &'a Value,
    required: &[&str],
    more: &[&str],
) -> Result<&'a serde_json::Map<String, Value>, String> {
    let object = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
    for name in required {
        ensure(object.contains_key(*name), || format!("{value} has no {name}"))?;
    }
    for name in object.keys() {
        let known = required.contains(&name.as_str()) || more.contains(&name.as_str());
        ensure(known, || format!("{value} may not have {name}"))?;
    }
    Ok(object)
}

fn list(value: &Value) -> Result<&[Value], String> {
    let list = value.as_array().ok_or_else(|| format!("{value} is no array"))?;
    ensure(!list.is_empty(), || "an empty array".to_owned())?;
    Ok(list)
}

fn text(value: &Value, longest: usize) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| format!("{value} is no text"))?;
    ensure((1..=longest).contains(&text.chars().count()), || format!("{} characters", text.chars().count()))?;
    ensure(text.is_ascii() && !text.contains(|c: char| c.is_ascii_control()), || format!("{text:?}"))?;
    Ok(text)
}

/// A time in milliseconds since 1970 that CloudWatch takes now.
fn timely(value: &Value) -> Result<(), String> {
    let time = value.as_u64().ok_or_else(|| format!("Timestamp {value} is no whole number"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = u64::try_from(now).map_err(|error| error.to_string())?;
    ensure((now - OLDEST..=now + NEWEST).contains(&time), || format!("Timestamp {time}, and now is {now}"))
}

fn dimension_set(set: &Value, root: &BTreeMap<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let names = list(set)?;
    ensure(names.len() <= MOST_DIMENSIONS, || format!("{} dimensions", names.len()))?;
    let mut dimensions = BTreeMap::new();
    for name in names {
        let name = text(name, LONGEST_DIMENSION)?;
        ensure(!name.starts_with(':'), || format!("dimension {name}"))?;
        let value = root.get(name).ok_or_else(|| format!("the dimension {name} is no member of the line"))?;
        let value = text(value, LONGEST_TEXT).map_err(|error| format!("{name}: {error}"))?;
        let again = dimensions.insert(name.to_owned(), value.to_owned());
        ensure(again.is_none(), || format!("the dimension {name} is listed twice"))?;
    }
    Ok(dimensions)
}

/// The number, or the numbers, of a metric.
fn values(name: &str, value: Option<&Value>) -> Result<Vec<f64>, String> {
    let value = value.ok_or_else(|| format!("the metric {name} is no member of the line"))?;
    let many = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    ensure((1..=MOST_VALUES).contains(&many.len()), || format!("{name}: {} values", many.len()))?;
    many.iter().map(|one| one.as_f64().ok_or_else(|| format!("{name}: {one} is no number"))).collect()
}

/// The members of an object, none of which is there twice.
struct Members(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;

        impl<'de> Visitor<'de> for Once {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name.clone(), value).is_some() {
                        return Err(serde::de::Error::custom(format!("{name} is there twice")));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Once)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line() -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        json!({
            "_aws": {
                "Timestamp": u64::try_from(now).expect("a number"),
                "CloudWatchMetrics": [{
                    "Namespace": "N", "Dimensions": [["service"], ["service", "cause"]],
                    "Metrics": [{ "Name": "Duration", "Unit": "Milliseconds" }],
                }],
            },
            "service": "ivory", "cause": "lease_held", "Duration": 1.5, "slug": "acme",
        })
    }

    #[test]
    fn each_dimension_set_is_a_value() {
        let datum = |dimensions: &[(&str, &str)]| Datum {
            namespace: "N".to_owned(),
            name: "Duration".to_owned(),
            unit: "Milliseconds".to_owned(),
            value: 1.5,
            dimensions: dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let expected = [datum(&[("service", "ivory")]), datum(&[("cause", "lease_held"), ("service", "ivory")])];
        assert_eq!(metrics(&line().to_string()), Ok(expected.to_vec()));
        assert_eq!(metrics(r#"{"message":"plain"}"#), Ok(Vec::new()));
    }

    /// Each rule, by a line that breaks it, and a part of what is said about it.
    #[test]
    fn a_line_that_breaks_a_rule_is_refused() {
        let breaks: [(&str, Value, &str); 21] = [
            ("/_aws/Timestamp", json!(1_700_000_000), "Timestamp"),
            ("/_aws/Timestamp", json!(1.5), "no whole number"),
            ("/_aws/CloudWatchMetrics", json!([]), "an empty array"),
            ("/_aws/CloudWatchMetrics/0/Namespace", json!(""), "0 characters"),
            ("/_aws/CloudWatchMetrics/0/Namespace", json!("AWS/Lambda"), "Namespace"),
            ("/_aws/CloudWatchMetrics/0/Dimensions", json!("service"), "no array"),
            ("/_aws/CloudWatchMetrics/0/Dimensions", json!(["service"]), "no array"),
            ("/_aws/CloudWatchMetrics/0/Dimensions/0", json!(vec!["service"; 31]), "31 dimensions"),
            ("/_aws/CloudWatchMetrics/0/Dimensions/0", json!(["service", "service"]), "listed twice"),
            ("/_aws/CloudWatchMetrics/0/Dimensions/0", json!(["region"]), "no member"),
            ("/_aws/CloudWatchMetrics/0/Metrics", json!(vec![json!({ "Name": "Duration" }); 101]), "101 metrics"),
            ("/_aws/CloudWatchMetrics/0/Metrics", json!(vec![json!({ "Name": "Duration" }); 2]), "listed twice"),
            ("/_aws/CloudWatchMetrics/0/Metrics/0/Name", json!("Latency"), "no member"),
            ("/_aws/CloudWatchMetrics/0/Metrics/0/Name", json!("slug"), "no number"),
            ("/_aws/CloudWatchMetrics/0/Metrics/0/Unit", json!("ms"), "no unit"),
            ("/_aws/CloudWatchMetrics/0/Metrics/0", json!({ "Name": "Duration", "Value": 1 }), "may not have Value"),
            ("/_aws/CloudWatchMetrics/0/Metrics/0", json!({ "Unit": "Count" }), "no Name"),
            ("/service", json!(7), "no text"),
            ("/service", json!("é"), "é"),
            ("/Duration", json!(true), "no number"),
            ("/Duration", json!(vec![1; 101]), "101 values"),
        ];
        for (at, value, said) in breaks {
            let mut line = line();
            *line.pointer_mut(at).expect(at) = value.clone();
            let error = metrics(&line.to_string()).expect_err(at);
            assert!(error.contains(said), "{at} {value}: {error}");
        }
        let twice = line().to_string().replacen('{', r#"{"service":"other","#, 1);
        assert!(metrics(&twice).expect_err("twice").contains("service is there twice"));
    }
}
