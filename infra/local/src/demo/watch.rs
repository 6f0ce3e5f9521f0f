//! Shows the nine steps while they run: nine lines that change on a terminal, a line per change elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Deserialize;
use tokio::time::sleep;

use crate::api::Api;

#[derive(Deserialize)]
struct Status {
    provisioning_state: String,
    last_error: Option<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    id: String,
    name: String,
    state: String,
    attempts: u32,
    duration_ms: Option<u64>,
    waiting_for: Option<String>,
    cause: Option<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    code: String,
}

/// Draws until the tenant is no longer being provisioned; returns its state.
pub async fn until_settled(api: &Api, poll_url: &str) -> anyhow::Result<String> {
    let mut board = Board::new();
    loop {
        let status: Status = serde_json::from_value(api.get(poll_url).await?).context("reading the status")?;
        for step in &status.steps {
            board.draw(step);
        }
        if status.provisioning_state != "provisioning" {
            board.finish();
            if let Some(error) = status.last_error {
                println!("  {error}");
            }
            return Ok(status.provisioning_state);
        }
        sleep(Duration::from_millis(300)).await;
    }
}

enum Board {
    Terminal { area: MultiProgress, bars: BTreeMap<String, ProgressBar> },
    Lines { shown: BTreeMap<String, String> },
}

impl Board {
    fn new() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Terminal { area: MultiProgress::new(), bars: BTreeMap::new() }
        } else {
            Self::Lines { shown: BTreeMap::new() }
        }
    }

    fn draw(&mut self, step: &Step) {
        let text = line(step);
        match self {
            Self::Terminal { area, bars } => {
                let bar = bars.entry(step.id.clone()).or_insert_with(|| {
                    let bar = area.add(ProgressBar::new_spinner());
                    bar.enable_steady_tick(Duration::from_millis(120));
                    bar
                });
                if bar.is_finished() {
                    return;
                }
                let mark = match step.state.as_str() {
                    "completed" => "✓",
                    "failed" => "✗",
                    "pending" => "·",
                    _ => "{spinner}",
                };
                if let Ok(style) = ProgressStyle::with_template(&format!("  {mark} {{msg}}")) {
                    bar.set_style(style);
                }
                bar.set_message(text.clone());
                if matches!(step.state.as_str(), "completed" | "failed") {
                    bar.finish_with_message(text);
                }
            }
            Self::Lines { shown } => {
                if step.state != "pending" && shown.get(&step.id) != Some(&text) {
                    println!("  {text}");
                    shown.insert(step.id.clone(), text);
                }
            }
        }
    }

    fn finish(self) {
        if let Self::Terminal { bars, .. } = self {
            for bar in bars.into_values().filter(|bar| !bar.is_finished()) {
                bar.abandon();
            }
        }
    }
}

/// A step's name, state, duration and attempts, and what it waits for or why it failed.
fn line(step: &Step) -> String {
    let Step { id, name, state, attempts, .. } = step;
    let duration = step.duration_ms.map_or_else(String::new, |ms| format!("{}.{:02} s", ms / 1000, ms % 1000 / 10));
    let tries = match attempts {
        0 => String::new(),
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    };
    let waiting = step.waiting_for.as_ref().map_or_else(String::new, |what| format!("  for {what}"));
    let cause = step.cause.as_ref().map_or_else(String::new, |cause| format!("  {}", cause.code));
    format!("{id}  {name:<22} {state:<10} {duration:>7}  {tries}{waiting}{cause}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_state_duration_and_attempts() {
        let step = serde_json::json!({
            "id": "step_6", "name": "create-graph", "state": "completed", "attempts": 2, "duration_ms": 1250,
            "waiting_for": null, "cause": null,
        });
        let step: Step = serde_json::from_value(step).unwrap();
        assert_eq!(line(&step), "step_6  create-graph           completed   1.25 s  2 attempts");
    }
}
