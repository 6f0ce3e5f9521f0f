//! Every five minutes, and after every deployment: what can be known of each region before anything is bought for a tenant
//! there. Step 1 reads the verdicts, and `GET /v1/admin/systems` shows them.
//!
//! All verdicts are recorded in one statement, and a check changes nothing outside. So an invocation that dies leaves
//! nothing behind but the verdicts of the one before, and two at once do no harm.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use domain::{Cause, Failure, Region, Verdict};
use lambda_kit::operation::Operation;
use lambda_kit::{List, needs, settings};
use preflight::Preflight;
use serde::Serialize;
use serde_json::Value;
use store::ControlDatabase;

/// What one invocation found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Systems that can be used.
    usable: usize,
    /// Systems of which nothing is known just now.
    unknown: usize,
    /// Systems that cannot be used until somebody changes something.
    unusable: usize,
    /// Each of them, for `cargo xtask doctor`.
    verdicts: Vec<Verdict>,
    /// Seconds since 1970, by this function's clock.
    now: u64,
}

settings! {
    /// Where tenants can be.
    struct Regions {
        configured: List<Region> = "CONFIGURED_REGIONS",
    }
}

needs! {
    /// Checks the regions.
    pub struct CheckRegion {
        store: ControlDatabase,
        preflight: Preflight,
        regions: Regions,
    }
}

impl Operation for CheckRegion {
    const NAME: &'static str = "check-region";
    type Event = Value;
    type Answer = Report;
    type Error = lambda_runtime::Error;

    /// What is found is no error: a deployment must not fail because of it.
    async fn invoke(&self, _: Value, _: &str) -> Result<Report, lambda_runtime::Error> {
        let began = Instant::now();
        let verdicts = self.preflight.check(&self.regions.configured).await;
        self.store.record_verdicts(&verdicts, began.elapsed()).await.map_err(Failure::from)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut report = Report { usable: 0, unknown: 0, unusable: 0, verdicts, now };
        for verdict in &report.verdicts {
            match &verdict.cause {
                None => report.usable += 1,
                Some(cause) if verdict.stops => {
                    report.unusable += 1;
                    tell(verdict, cause, "unusable");
                }
                Some(cause) => {
                    report.unknown += 1;
                    tell(verdict, cause, "unknown");
                }
            }
        }
        Ok(report)
    }
}

/// Says what is wrong. `infra/aws/alarms.yaml` counts the lines whose verdict is `unusable`.
fn tell(verdict: &Verdict, cause: &Cause, said: &str) {
    let (system, code, hint) = (verdict.system.as_str(), &*cause.code, &*cause.hint);
    let (region, tier) = (verdict.region.map(Region::as_str), verdict.tier.map(domain::Tier::as_str));
    tracing::warn!(verdict = said, system, region, tier, code, hint, "a system was checked");
}
