//! The outside systems and the control database, as `check-region` finds them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use domain::Warning;
use serde::Deserialize;
use serde_json::Value;

use super::Finding;
use crate::aws::Aws;
use crate::installation::Installation;
use crate::stack::Kind;

/// AWS refuses signatures of a clock that is off by five minutes.
const CLOCKS_MAY_DIFFER: Duration = Duration::from_mins(1);

/// What the function returns.
#[derive(Deserialize)]
struct Report {
    /// Seconds since 1970, by its clock.
    now: u64,
    verdicts: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    system: String,
    region: Option<String>,
    tier: Option<String>,
    cause: Option<Cause>,
    stops: bool,
    /// Codes of [`Warning`]s.
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Cause {
    code: String,
    hint: String,
}

pub fn check(aws: &Aws, installation: &Installation) -> anyhow::Result<Vec<Finding>> {
    let main = installation.one(Kind::Main)?;
    let function = aws.physical_id(&main.region, &main.name, "CheckRegionFunction")?;
    let answer = aws.invoke(&main.region, &function)?;
    if let Some(message) = answer.get("errorMessage").and_then(Value::as_str) {
        bail!("{message}; its log says more");
    }
    let report: Report = serde_json::from_value(answer).context("check-region answered something else")?;
    // It records its verdicts, so it has logged in to the database and may write there.
    let mut findings = vec![Finding::fine("control database")];
    findings.extend(report.verdicts.iter().flat_map(of));
    findings.push(of_clocks(report.now));
    Ok(findings)
}

fn of(verdict: &Verdict) -> Vec<Finding> {
    let of_what = [verdict.region.as_deref(), verdict.tier.as_deref()].into_iter().flatten();
    let what = std::iter::once(verdict.system.as_str()).chain(of_what).collect::<Vec<_>>().join(" ");
    let warning = |code: &String| {
        // A function that is newer than this program may know more of them.
        let hint = code.parse().map_or("see the release's documents", Warning::hint);
        Finding::warning(&what, format!("{hint} ({code})"))
    };
    let mut findings: Vec<_> = verdict.warnings.iter().map(warning).collect();
    match &verdict.cause {
        Some(Cause { code, hint }) if verdict.stops => {
            findings.push(Finding::failure(&what, format!("{hint} ({code})")));
        }
        Some(Cause { code, hint }) => findings.push(Finding::warning(&what, format!("{hint} ({code})"))),
        None if findings.is_empty() => findings.push(Finding::fine(what)),
        None => {}
    }
    findings
}

fn of_clocks(theirs: u64) -> Finding {
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if Duration::from_secs(ours.abs_diff(theirs)) > CLOCKS_MAY_DIFFER {
        Finding::warning(
            "clock",
            format!("this machine's differs from AWS's by {} s: set it by NTP", ours.abs_diff(theirs)),
        )
    } else {
        Finding::fine("clock")
    }
}
