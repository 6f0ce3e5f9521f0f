//! Metrics in lines that are written anyway, in CloudWatch's embedded metric format: CloudWatch finds them in the log, so
//! nothing is sent. A field of the line with the name of the metric is its value.
//!
//! ```
//! # use lambda_kit::{Platform, Settings};
//! use lambda_kit::metrics::{Directive, Measured, Metric, Metrics, Unit};
//!
//! struct Served;
//!
//! impl Measured for Served {
//!     const DIRECTIVES: &'static [Directive] =
//!         &[Directive { by: &[&[]], metrics: &[Metric { name: "Latency", unit: Unit::Milliseconds }] }];
//! }
//!
//! # let platform = Platform::with("get-tenant", Settings::default());
//! let metrics: Metrics<Served> = platform.open().expect("it needs nothing");
//! tracing::info!(_aws = ?metrics.now(), Latency = 1.5, "served");
//! ```

use std::fmt::{self, Debug, Display};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::need::{Declaration, Need};
use crate::platform::Platform;
use crate::settings::Misconfigured;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "IvoryControlPlane";
/// The dimensions of every metric, as Powertools for AWS Lambda names them: the installation, by the first part of its
/// secrets' names, and the function.
pub const DIMENSIONS: [&str; 2] = ["service", "function_name"];
/// The field whose value is JSON.
pub(crate) const FIELD: &str = "_aws";

/// What lines of one kind measure.
pub trait Measured: 'static {
    /// All of it. Each line of the kind has a field for each metric.
    const DIRECTIVES: &'static [Directive];
}

/// Metrics with the same dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Directive {
    /// The dimensions besides [`DIMENSIONS`], once for each way to add the metrics up. They are fields with a text of few
    /// different values: each value is a metric that is paid for.
    pub by: &'static [&'static [&'static str]],
    /// The metrics.
    pub metrics: &'static [Metric],
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Its name, which is also that of its field.
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
}

/// A unit of CloudWatch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// How many.
    Count,
    /// A short time.
    Milliseconds,
    /// A long time.
    Seconds,
}

impl Unit {
    /// The unit as CloudWatch names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

impl Directive {
    fn json(&self) -> Value {
        let sets: Vec<Vec<&str>> = self.by.iter().map(|by| DIMENSIONS.iter().chain(*by).copied().collect()).collect();
        let metrics: Vec<_> =
            self.metrics.iter().map(|metric| json!({ "Name": metric.name, "Unit": metric.unit.as_str() })).collect();
        json!({ "Namespace": NAMESPACE, "Dimensions": sets, "Metrics": metrics })
    }
}

/// Says of a line that it has the metrics of `M`. Everything but the time is written once, when the process starts.
pub struct Metrics<M> {
    before_time: String,
    after_time: String,
    lines: PhantomData<fn() -> M>,
}

impl<M: Measured> Need for Metrics<M> {
    fn declare(declaration: &mut Declaration) {
        declaration.metrics.extend(M::DIRECTIVES);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let directives: Vec<_> = M::DIRECTIVES.iter().map(Directive::json).collect();
        let [service, function_name] = [json!(platform.manager().prefix()), json!(platform.function())];
        Ok(Self {
            before_time: format!("{{\"CloudWatchMetrics\":{},\"Timestamp\":", json!(directives)),
            after_time: format!("}},\"{}\":{service},\"{}\":{function_name}", DIMENSIONS[0], DIMENSIONS[1]),
            lines: PhantomData,
        })
    }
}

impl<M> Metrics<M> {
    /// The value of the line's field `_aws`.
    #[must_use]
    pub fn now(&self) -> impl Debug {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        Metadata { before_time: &self.before_time, millis, after_time: &self.after_time }
    }
}

/// Shows itself as JSON: the metadata, and after it the members that are its dimensions.
struct Metadata<'a> {
    before_time: &'a str,
    millis: u64,
    after_time: &'a str,
}

impl Debug for Metadata<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.before_time)?;
        Display::fmt(&self.millis, f)?;
        f.write_str(self.after_time)
    }
}

/// The milliseconds since then, to the microsecond.
#[must_use]
pub fn millis(since: Instant) -> f64 {
    f64::from(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// 1 for the first invocation of the process, else 0.
#[must_use]
pub fn cold_start() -> u64 {
    static FIRST: AtomicBool = AtomicBool::new(true);
    u64::from(FIRST.swap(false, Ordering::Relaxed))
}
