//! One test program.

use std::collections::BTreeMap;
use std::process::Stdio;

use tokio::process::Command;

use super::report::Suite;
use crate::cli::Test;
use crate::compile::TestProgram;

/// How many tests of a program run at the same time. They wait more than they compute.
const THREADS: &str = "6";

/// Runs a program. Tests that need something outside are marked `#[ignore = "needs A and B"]`, with the names of variables:
/// those that have all they need are run in a second pass, and the others stay ignored.
pub async fn run(program: &TestProgram, options: &Test, variables: &BTreeMap<&str, String>) -> anyhow::Result<Suite> {
    let mut suite = Suite::new(format!("{}::{}", program.package, program.target));
    let mut command = command(program, variables);
    command.args(&options.filter);
    let output = command.output().await?;
    suite.read(&output);
    let is_there = |name: &str| variables.contains_key(name) || std::env::var_os(name).is_some();
    let able = suite.take_able(is_there);
    if !able.is_empty() {
        let mut command = self::command(program, variables);
        let output = command.args(["--ignored", "--exact"]).args(able).output().await?;
        suite.read(&output);
    }
    suite.end();
    Ok(suite)
}

fn command(program: &TestProgram, variables: &BTreeMap<&str, String>) -> Command {
    let mut command = Command::new(&program.program);
    command.args(["--test-threads", THREADS]).current_dir(&program.folder);
    command.env("CARGO_MANIFEST_DIR", &program.folder).envs(variables);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}
