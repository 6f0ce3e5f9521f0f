//! Lines with metrics, read as CloudWatch reads them.

use lambda_kit::metrics::{Directive, Measured, Metric, Metrics, Unit, millis};
use lambda_kit::{Declaration, Platform, Settings, VERSION};
use serde_json::{Value, json};
use std::time::Instant;

struct Weighed;

impl Measured for Weighed {
    const DIRECTIVES: &'static [Directive] = &[
        Directive {
            by: &[&[]],
            metrics: &[
                Metric { name: "Weight", unit: Unit::Count },
                Metric { name: "Duration", unit: Unit::Milliseconds },
            ],
        },
        Directive { by: &[&[], &["cause"]], metrics: &[Metric { name: "Failures", unit: Unit::Count }] },
    ];
}

fn platform(prefix: &str) -> Platform {
    Platform::with("weigh", [("SECRET_PREFIX".to_owned(), prefix.to_owned())].into_iter().collect::<Settings>())
}

#[test]
fn a_line_has_the_metrics_that_its_function_declares() {
    assert!(Declaration::of::<Metrics<Weighed>>().metrics.iter().eq(Weighed::DIRECTIVES));
    let metrics: Metrics<Weighed> = platform("ivory-staging").open().expect("it needs nothing");
    let lines = test_logs::logged(|| {
        tracing::info!(_aws = ?metrics.now(), Weight = 3, Duration = millis(Instant::now()), Failures = 1, cause = "a \"cause\"", "weighed");
        tracing::info!(Weight = 3, "not weighed");
    });
    let [weighed, plain] = &lines[..] else { panic!("{lines:?}") };
    let data = test_logs::metrics(weighed).expect("CloudWatch reads it");
    let found: Vec<_> = data
        .iter()
        .map(|datum| (datum.name.as_str(), datum.unit.as_str(), datum.dimensions.get("cause").map(String::as_str)))
        .collect();
    let expected = [
        ("Weight", "Count", None),
        ("Duration", "Milliseconds", None),
        ("Failures", "Count", None),
        ("Failures", "Count", Some("a \"cause\"")),
    ];
    assert_eq!(found, expected);
    for datum in &data {
        assert_eq!(datum.namespace, "IvoryControlPlane");
        assert_eq!(
            (datum.dimensions["service"].as_str(), datum.dimensions["function_name"].as_str()),
            ("ivory-staging", "weigh")
        );
    }
    assert_eq!(test_logs::metrics(plain), Ok(Vec::new()));
    // What every line has is there besides.
    let line: Value = serde_json::from_str(weighed).expect("JSON");
    assert_eq!(
        (&line["message"], &line["version"], &line["level"]),
        (&json!("weighed"), &json!(VERSION), &json!("INFO"))
    );
}

/// A line without a value that it announces is found by the tests of whoever writes it.
#[test]
fn a_line_that_lacks_a_value_is_refused() {
    let metrics: Metrics<Weighed> = platform("ivory").open().expect("it needs nothing");
    let lines = test_logs::logged(|| tracing::info!(_aws = ?metrics.now(), Weight = 3, "weighed"));
    assert!(test_logs::metrics(&lines[0]).expect_err("incomplete").contains("Duration"));
}
