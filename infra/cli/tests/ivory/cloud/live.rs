//! The nine steps, live.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::unique;

use super::{Desk, create};
use crate::answers::NAMES;
use crate::shown::shown;
use crate::terminal::Terminal;

const RUN: Duration = Duration::from_mins(2);

/// The row of the screen that shows a step. Fails if several do.
fn row_of(screen: &str, step: &str) -> Result<Option<usize>> {
    let rows: Vec<_> = screen.lines().enumerate().filter(|(_, line)| line.contains(step)).map(|(row, _)| row).collect();
    ensure!(rows.len() <= 1, "{step} several times:\n{screen}");
    Ok(rows.first().copied())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn nine_lines_change_in_their_places() -> Result<()> {
    let (desk, slug) = (Desk::new().await?, unique("cli-live"));
    let mut terminal =
        Terminal::open(&desk.ivory, (24, 100), &format!("{} --wait --poll-every 250ms -o name", create(&slug)))?;
    assert_eq!(terminal.ends(RUN).await?, 0, "{}", terminal.screen());
    let (screens, last) = (terminal.screens(), terminal.screen());
    for step in NAMES {
        let place = row_of(&last, step)?.with_context(|| format!("no {step}:\n{last}"))?;
        let mut lines = Vec::new();
        for screen in &screens {
            let row = row_of(screen, step)?;
            ensure!(row.is_none_or(|row| row == place), "{step} moved from {row:?} to {place}:\n{screen}\n---\n{last}");
            lines.extend(row.and_then(|row| screen.lines().nth(row)).map(str::to_owned));
        }
        lines.dedup();
        ensure!(lines.len() > 1, "{step} did not change: {lines:?}");
        ensure!(!lines[0].contains('✓') && lines[lines.len() - 1].contains('✓'), "{lines:?}");
    }
    // The project needs longest. Its step says what it waits for, and for how long.
    let waiting = screens.iter().flat_map(|screen| screen.lines()).find(|line| line.contains("waiting for"));
    let waiting = waiting.with_context(|| format!("nothing waits:\n{}", screens.join("\n---\n")))?;
    ensure!(waiting.contains("await-environment"), "{waiting}");
    let seconds = |screen: &String| Some(screen.lines().find(|line| line.contains("await-environment"))?.to_owned());
    let mut counted: Vec<_> = screens.iter().filter_map(seconds).filter(|line| line.contains(" s")).collect();
    counted.dedup();
    ensure!(counted.len() > 2, "its seconds stand still: {counted:?}");
    shown("live.done", &last);
    // What a script would read is a line of its own.
    ensure!(last.lines().any(|line| line == slug), "{last}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_narrow_terminal_has_one_row_for_each_step_too() -> Result<()> {
    let (desk, slug) = (Desk::new().await?, unique("cli-narrow"));
    let mut terminal =
        Terminal::open(&desk.ivory, (24, 32), &format!("{} --wait --poll-every 250ms -o name", create(&slug)))?;
    assert_eq!(terminal.ends(RUN).await?, 0, "{}", terminal.screen());
    let last = terminal.screen();
    let steps: Vec<_> = last.lines().filter(|line| NAMES.iter().any(|step| line.contains(&step[..8]))).collect();
    assert_eq!(steps.len(), NAMES.len(), "{last}");
    Ok(())
}

/// In a log, a line is written once and stays.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn elsewhere_each_change_is_a_line() -> Result<()> {
    let (desk, slug) = (Desk::new().await?, unique("cli-lines"));
    let said = desk.ivory.run(&format!("{} --wait", create(&slug))).await?.ends(0)?;
    ensure!(!said.err.contains(['\u{1b}', '\r']), "it moves the cursor: {said:#?}");
    for step in NAMES {
        let lines: Vec<_> = said.err.lines().filter(|line| line.contains(step)).collect();
        ensure!(
            !lines.is_empty() && lines.iter().filter(|line| line.contains("completed")).count() == 1,
            "{step}: {said:#?}"
        );
    }
    let mut lines: Vec<_> = said.err.lines().collect();
    let all = lines.len();
    lines.sort_unstable();
    lines.dedup();
    ensure!(lines.len() == all && all < 60, "lines are repeated: {said:#?}");
    Ok(())
}

/// Each event is one change, in order, and together they are the run.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_watch_writes_one_event_per_change() -> Result<()> {
    let (desk, slug) = (Desk::new().await?, unique("cli-watch"));
    desk.ivory.json(0, &create(&slug)).await?;
    let events = desk.ivory.events(0, &format!("tenant watch {slug}")).await?;
    for pair in events.windows(2) {
        ensure!(pair[0]["at"].as_str() <= pair[1]["at"].as_str(), "out of order: {pair:?}");
        let (mut one, mut other) = (pair[0].clone(), pair[1].clone());
        (one["at"], other["at"]) = ("".into(), "".into());
        ensure!(one != other, "no change: {pair:?}");
    }
    for number in 1..=9 {
        let completed = |event: &&serde_json::Value| {
            event["step"]["id"] == format!("step_{number}") && event["step"]["state"] == "completed"
        };
        assert_eq!(events.iter().filter(completed).count(), 1, "step {number}: {events:?}");
    }
    assert_eq!(events.last().map(|event| event["provisioning_state"].clone()), Some("active".into()), "{events:?}");
    Ok(())
}
