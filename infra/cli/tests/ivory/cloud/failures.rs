//! A provisioning that fails is understood and mended with the program alone.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{unique, with_faults};
use fault_proxy::client::Match;
use serde_json::json;

use super::{Desk, create};
use crate::answers::NAMES;
use crate::readme;
use crate::shown::shown;
use crate::terminal::Terminal;

const RUN: Duration = Duration::from_mins(2);

/// The command that a person is told to go on with.
fn told(text: &str) -> Result<&str> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("then: ivory "));
    Ok(line.with_context(|| format!("it does not say how to go on:\n{text}"))?.trim())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn what_failed_is_understood_and_mended() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (desk, slug) = (Desk::at(cloud).await?, unique("cli-broken"));
        let create_index = Match::request("PUT", &format!("^/client_{slug}"));
        let fault = faults.answer("opensearch-us-east-1", create_index, 403, "{}").await?;
        let said = desk.ivory.run(&format!("{} --wait", create(&slug))).await?.ends(11)?;
        let status = said.json()?;
        let cause = &status["steps"][6]["cause"];
        for (what, text) in [("cause", "code"), ("owner", "owner"), ("hint", "hint")] {
            let text = cause[text].as_str().with_context(|| format!("no {what}: {status}"))?;
            ensure!(said.err.contains(text), "no {what}, {text}: {said:#?}");
        }
        // The same is seen later, by whoever looks.
        let table = desk.ivory.text(&format!("tenant status {slug} -o table")).await?;
        shown("status-failed.table", &table);
        let failed = desk.ivory.json(0, &format!("tenant list --state failed --search {slug}")).await?;
        assert_eq!(failed[0]["slug"], json!(slug));
        let code = cause["code"].as_str().context("no code")?;
        let explained = desk.ivory.json(0, &format!("explain {code}")).await?;
        assert_eq!((&explained["code"], &explained["kind"]), (&json!(code), &json!("cause")));
        desk.ivory.events(11, &format!("tenant watch {slug}")).await?;

        // Without mending it fails again, and says the same.
        let then = told(&said.err)?;
        assert_eq!(then, format!("tenant retry {slug}"));
        desk.ivory.run(&format!("{then} --wait")).await?.ends(11)?;
        faults.mend(fault).await?;
        let resumed = desk.ivory.json(0, then).await?;
        assert_eq!((&resumed["run"], &resumed["resumes_at"]), (&json!("resumed"), &json!("step_7")));
        desk.ivory.events(0, &format!("tenant watch {slug}")).await?;
        assert_eq!(desk.ivory.json(0, &format!("tenant status {slug}")).await?["attempt"], 3);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_failure_is_read_on_a_terminal() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (desk, slug) = (Desk::at(cloud).await?, unique("cli-seen"));
        let create_index = Match::request("PUT", &format!("^/client_{slug}"));
        faults.answer("opensearch-us-east-1", create_index, 403, "{}").await?;
        let line = format!("{} --wait", create(&slug));
        let mut terminal = Terminal::open(&desk.ivory, (30, 100), &line)?;
        assert_eq!(terminal.ends(RUN).await?, 11, "{}", terminal.screen());
        let last = terminal.screen();
        for (step, mark) in NAMES.iter().zip("✓✓✓✓✓✓✗".chars()) {
            ensure!(last.lines().any(|line| line.contains(step) && line.contains(mark)), "no {mark} {step}:\n{last}");
        }
        assert_eq!(told(&last)?, format!("tenant retry {slug}"));
        shown("live.failed", &last);
        readme::shows(&format!("$ ivory {line}\n{last}").replace(&slug, "acme-bank"))?;
        Ok(())
    })
    .await
}
