//! The line at the end of an invocation, with its metrics.

use std::time::Instant;

use domain::{Failure, FailureKind};
use lambda_kit::metrics::{Directive, Measured, Metric, Metrics, Unit, millis};
use lambda_kit::needs;

const DURATION: Metric = Metric { name: "Duration", unit: Unit::Milliseconds };
/// Invocations that did something, or looked whether there is something to do.
const ATTEMPTS: Metric = Metric { name: "Attempts", unit: Unit::Count };

struct Done;

impl Measured for Done {
    const DIRECTIVES: &'static [Directive] = &[Directive {
        by: &[&[]],
        // Waits are attempts after which the step has to wait.
        metrics: &[DURATION, ATTEMPTS, Metric { name: "Waits", unit: Unit::Count }],
    }];
}

struct NotDone;

impl Measured for NotDone {
    const DIRECTIVES: &'static [Directive] = &[
        Directive { by: &[&[]], metrics: &[DURATION, ATTEMPTS] },
        Directive { by: &[&[], &["cause"]], metrics: &[Metric { name: "Failures", unit: Unit::Count }] },
    ];
}

needs! {
    /// Says how an invocation of a step ended.
    pub struct Ending {
        done: Metrics<Done>,
        not_done: Metrics<NotDone>,
    }
}

impl Ending {
    /// Says that a step is done, or for what it waits.
    pub fn done(&self, began: Instant, waiting_for: Option<&str>) {
        tracing::info!(
            _aws = ?self.done.now(),
            Duration = millis(began),
            Attempts = 1,
            Waits = u64::from(waiting_for.is_some()),
            ready = waiting_for.is_none(),
            waiting_for,
            "step done"
        );
    }

    /// Says why a step is not done. That somebody else is at work, or that the run is over, is no trouble, and no attempt.
    pub fn not_done(&self, began: Instant, failure: &Failure) {
        macro_rules! not_done {
            ($level:ident $(, $($metrics:tt)+)?) => {
                tracing::$level!(
                    $($($metrics)+,)?
                    error = failure.kind().error_name(),
                    cause = failure.code().as_str(),
                    owner = ?failure.code().owner(),
                    provider_request_id = failure.provider_request_id(),
                    hint = failure.hint(),
                    "step not done"
                )
            };
        }
        macro_rules! failed {
            ($level:ident) => {
                not_done!(
                    $level,
                    _aws = ?self.not_done.now(),
                    Duration = millis(began),
                    Attempts = 1,
                    Failures = 1
                )
            };
        }
        match failure.kind() {
            FailureKind::Busy | FailureKind::Superseded => not_done!(info),
            FailureKind::RateLimited | FailureKind::Transient | FailureKind::Rejected => failed!(warn),
            FailureKind::Internal => failed!(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::CauseCode;
    use lambda_kit::{Platform, Settings};
    use test_logs::{logged, metrics};

    use super::*;

    /// The metrics of a line: each name with its value, and with the cause if it is one by cause.
    fn of(line: &str) -> Vec<(String, Option<f64>, Option<String>)> {
        let data = metrics(line).expect("CloudWatch reads it");
        let read = data.into_iter().map(|mut datum| {
            assert_eq!(datum.namespace, "IvoryControlPlane");
            let service = datum.dimensions.remove("service");
            let function = datum.dimensions.remove("function_name");
            assert_eq!((service.as_deref(), function.as_deref()), (Some("ivory"), Some("step-6-create-graph")));
            let cause = datum.dimensions.remove("cause");
            assert!(datum.dimensions.is_empty(), "{line}");
            let value = (datum.unit == "Count").then_some(datum.value);
            (datum.name, value, cause)
        });
        read.collect()
    }

    fn named(name: &str, value: Option<f64>, cause: Option<CauseCode>) -> (String, Option<f64>, Option<String>) {
        (name.to_owned(), value, cause.map(|cause| cause.as_str().to_owned()))
    }

    #[test]
    fn an_end_is_one_line_with_its_metrics() {
        let platform = Platform::with("step-6-create-graph", Settings::default());
        let ending: Ending = platform.open().expect("it needs nothing");
        let (began, refused) = (Instant::now(), CauseCode::OpenSearchUnauthorized);
        let lines = logged(|| {
            ending.done(began, None);
            ending.done(began, Some("a healthy environment"));
            ending.not_done(began, &refused.into());
            ending.not_done(began, &CauseCode::LeaseHeld.into());
        });
        let [done, waits, failed, busy] = &lines[..] else { panic!("{lines:?}") };
        for (line, waits) in [(done, 0.0), (waits, 1.0)] {
            let expected =
                [named("Duration", None, None), named("Attempts", Some(1.0), None), named("Waits", Some(waits), None)];
            assert_eq!(of(line), expected);
        }
        let expected = [
            named("Duration", None, None),
            named("Attempts", Some(1.0), None),
            named("Failures", Some(1.0), None),
            named("Failures", Some(1.0), Some(refused)),
        ];
        assert_eq!(of(failed), expected);
        assert!(!busy.contains("_aws") && busy.contains(CauseCode::LeaseHeld.as_str()), "{busy}");
    }
}
