//! How long the builds take that somebody waits for.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::goals::{Goal, goals};

/// What was measured, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Builds {
    /// When it was measured.
    pub day: String,
    /// From a clean clone to the end of the demo. Crates are downloaded already, tools are not.
    pub demo_s: f64,
    /// From a changed line in `shared/domain` to its green unit tests.
    pub unit_test_s: f64,
    /// From a changed line in a step to the running cloud that has it.
    pub reload_s: f64,
}

/// Half of what each took when the goal was set.
const DEMO_GOAL_S: f64 = 472.0;
/// The same.
const UNIT_TEST_GOAL_S: f64 = 120.0;

const UNIT_TESTS: [&str; 5] = ["test", "--profile", "local", "--package", "domain"];
const STEP: &str = "step-6-create-graph";

impl Builds {
    /// Measures in a clone of the checkout's last commit, below its folder for what is built.
    pub fn measure(root: &Path, day: String) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("clone-").tempdir_in(root.join("target"))?;
        let clone = folder.path().join("clone");
        let mut git = Command::new("git");
        git.args(["clone", "--quiet", "--no-hardlinks"]).arg(root).arg(&clone);
        ensure!(git.status().context("starting git")?.success(), "git clone failed");
        let demo_s = cargo(&clone, &["xtask", "demo"])?;
        // The first time, the tests' dependencies are compiled.
        cargo(&clone, &UNIT_TESTS)?;
        change(&clone.join("shared/domain/src/lib.rs"))?;
        let unit_test_s = cargo(&clone, &UNIT_TESTS)?;
        cargo(&clone, &["xtask", "up", "--detach"])?;
        change(&clone.join(format!("functions/steps/{STEP}/src/lib.rs")))?;
        let reload_s = cargo(&clone, &["xtask", "reload", STEP]);
        cargo(&clone, &["xtask", "down"])?;
        Ok(Self { day, demo_s, unit_test_s, reload_s: reload_s? })
    }

    /// Its section, in Markdown.
    pub(crate) fn section(&self, text: &mut String) {
        let Self { day, demo_s, unit_test_s, reload_s } = self;
        let _ = writeln!(
            text,
            "\n### Builds\n\n{day}, minutes and seconds:\n\n| | |\n|---|---|\n\
             | clean clone → end of `cargo xtask demo` | {} |\n\
             | a line of `shared/domain` → green unit tests (`cargo {}`) | {} |\n\
             | a line of a step → the running cloud (`cargo xtask reload {STEP}`) | {} |",
            minutes(*demo_s),
            UNIT_TESTS.join(" "),
            minutes(*unit_test_s),
            minutes(*reload_s)
        );
        let goal = |words, seconds, limit| Goal::of(words, minutes(seconds), seconds <= limit);
        goals(
            text,
            "builds",
            vec![
                goal("clean clone → demo: half of 15:44", *demo_s, DEMO_GOAL_S),
                goal("a line of `shared/domain` → unit tests: half of 4:00", *unit_test_s, UNIT_TEST_GOAL_S),
            ],
        );
    }
}

/// Runs cargo as a developer calls it, and says how long it took, in seconds.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<f64> {
    eprintln!("  · cargo {}", arguments.join(" "));
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    // What cargo says to this program about itself is not for another checkout.
    for (name, _) in std::env::vars_os().filter(|(name, _)| {
        name.to_str()
            .is_some_and(|name| name.starts_with("CARGO_") && name != "CARGO_HOME" || name == "RUSTUP_TOOLCHAIN")
    }) {
        command.env_remove(name);
    }
    let begun = Instant::now();
    ensure!(command.status().context("starting cargo")?.success(), "cargo {} failed", arguments.join(" "));
    Ok(begun.elapsed().as_secs_f64())
}

/// Adds a line that changes nothing but the crate.
fn change(file: &Path) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(file).with_context(|| file.display().to_string())?;
    Ok(writeln!(file, "\nconst _: () = ();")?)
}

fn minutes(seconds: f64) -> String {
    let whole = std::time::Duration::from_secs_f64(seconds.round()).as_secs();
    format!("{}:{:02}", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_held_against_half_of_what_it_took() {
        let section = |demo_s, unit_test_s| {
            let mut text = String::new();
            Builds { day: "a day".to_owned(), demo_s, unit_test_s, reload_s: 9.6 }.section(&mut text);
            text
        };
        let good = section(472.0, 59.6);
        assert!(good.contains("| clean clone → demo: half of 15:44 | 7:52 | reached |"), "{good}");
        assert!(good.contains("| 1:00 | reached |") && good.contains("| 0:10 |"), "{good}");
        assert!(section(473.0, 121.0).matches("**missed**").count() == 2);
    }
}
