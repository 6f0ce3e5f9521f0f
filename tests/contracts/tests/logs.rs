//! `cargo xtask logs` reads all of a log, however long it is.

#![allow(clippy::disallowed_methods, reason = "a test takes its interpreter from the environment")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use contracts::root;
use serde::Deserialize;
use serde_json::json;

/// The numbers of the events that were read.
#[derive(Debug, Deserialize)]
struct Read {
    /// From the local AWS, whose pages end at 10,000 events without a word.
    local: Vec<usize>,
    /// From AWS, which gives tokens.
    aws: Vec<usize>,
}

fn read(times: &[u64], since: u64) -> Result<Read> {
    let mut command = Command::new(std::env::var("TEST_PYTHON").context("TEST_PYTHON")?);
    command.arg("-B").arg("python/log_pages.py").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting Python")?;
    let input = json!({ "reader": root()?.join("infra/local/python"), "times": times, "since": since }).to_string();
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn every_event_is_read_once_however_many_there_are() -> Result<()> {
    // Up to seven at the same time, so that most pages end between two of the same time.
    let times: Vec<u64> = (0..25_003).map(|number| 1_000 + number / 7).collect();
    for since in [0, 1_000, 2_500, 4_571, 9_999] {
        let expected: Vec<usize> = (0..times.len()).filter(|&number| times[number] >= since).collect();
        let read = read(&times, since)?;
        ensure!(read.local == expected, "since {since}: {} of {} from the local AWS", read.local.len(), expected.len());
        ensure!(read.aws == expected, "since {since}: {} of {} from AWS", read.aws.len(), expected.len());
    }
    Ok(())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn more_events_at_one_time_than_a_page_holds_hide_nothing_later() -> Result<()> {
    let mut times = vec![1_000; 12_000];
    times.extend([1_001, 1_002]);
    let read = read(&times, 0)?;
    assert_eq!(read.local.last_chunk(), Some(&[12_000, 12_001]));
    assert_eq!(read.aws.len(), times.len());
    Ok(())
}
