//! What logs is heard: `telemetry` lets other crates' warnings through and nothing below.

use std::collections::BTreeSet;

use anyhow::Result;
use contracts::source;
use contracts::workspace::Workspace;
use regex::Regex;

#[test]
fn every_crate_that_logs_is_one_that_telemetry_knows() -> Result<()> {
    let workspace = Workspace::load()?;
    let logs = Regex::new(r"tracing::(?:error|warn|info|debug|info_span)!")?;
    let mut logging = BTreeSet::new();
    for package in workspace.below("shared/").chain(workspace.below("functions/")) {
        if logs.is_match(&source::shipped(package)?) {
            logging.insert(package.name.replace('-', "_"));
        }
    }
    let telemetry = source::shipped(workspace.package("telemetry")?)?;
    let list = telemetry.split("const OURS").nth(1).and_then(|rest| rest.split("];").next()).unwrap_or_default();
    let known: BTreeSet<_> =
        Regex::new("\"([a-z0-9_]+)\"")?.captures_iter(list).map(|name| name[1].to_owned()).collect();
    assert_eq!(known, logging, "crates telemetry knows, crates that log");
    Ok(())
}
