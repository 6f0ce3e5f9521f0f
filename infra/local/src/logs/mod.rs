//! `cargo xtask logs`: what the functions logged, oldest first, one line per event: time, function, the line itself.

mod filter;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::{Span, Timestamp};
use serde_json::json;

use self::filter::Filter;
use crate::cli::{CloudName, Wanted};
use crate::deployed::Deployed;
use crate::layout::Workspace;
use crate::{python, tools};

pub use self::filter::Level;

pub async fn run(
    workspace: &Workspace,
    cloud: &CloudName,
    follow: bool,
    function: Option<&str>,
    wanted: &Wanted,
) -> anyhow::Result<ExitCode> {
    let deployed = Deployed::load(&workspace.cloud(&cloud.name))?;
    let tools = tools::install(workspace).await?;
    // Some lines name a tenant by its id only. If the API does not work, the log shows why, so that is no reason to stop.
    let id = match &wanted.tenant {
        Some(tenant) => deployed.id_of_tenant(tenant).await.unwrap_or_default(),
        None => None,
    };
    let mut filter = Filter::new(function, wanted, id);
    let input = json!({
        "access": deployed.access, "stack": deployed.stack, "function": function, "follow": follow,
        "since": wanted.since.map_or(0, Timestamp::as_millisecond),
    });
    let mut out = std::io::stdout();
    let printed = python::lines(workspace, &tools.python, "logs", &input, |batch| {
        let events: Vec<filter::Event> = serde_json::from_str(batch).context("logs.py said something unexpected")?;
        for line in filter.pass(&events) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    });
    match printed.await {
        // Whoever reads has seen enough: `| head`.
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|it| it.kind() == ErrorKind::BrokenPipe) => {}
        outcome => outcome?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A moment, or how long ago it was: `10m`, `2h`, `1d`.
pub fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let ago: Span =
        text.parse().map_err(|_| "a time like 10m, 2h or 1d ago, or like 2026-11-28T17:00:00Z".to_owned())?;
    if !ago.is_positive() {
        return Err("a time in the past".to_owned());
    }
    let now = Timestamp::now().in_tz("UTC").map_err(|error| error.to_string())?;
    now.checked_sub(ago).map(|moment| moment.timestamp()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_given_or_counted_from_now() {
        assert_eq!(since("2026-11-28T17:00:00Z").unwrap().to_string(), "2026-11-28T17:00:00Z");
        assert_eq!(since("2026-11-28T18:00:00+01:00").unwrap().to_string(), "2026-11-28T17:00:00Z");
        for (text, seconds) in [("30s", 30), ("10m", 600), ("1h30m", 5400), ("1d", 86_400)] {
            let moment = since(text).unwrap();
            let ago = Timestamp::now().duration_since(moment).as_secs();
            assert!((seconds..seconds + 5).contains(&ago), "{text}: {ago}");
        }
        for bad in ["", "10", "-10m", "yesterday", "17:00", "0s"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }
}
