//! One test program.

use std::collections::BTreeMap;
use std::process::Stdio;

use tokio::process::Command;

use super::plan::END_TO_END;
use super::report::Suite;
use crate::cli::Test;
use crate::compile::TestProgram;

/// How many end-to-end tests of a program run at the same time. They wait more than they compute.
const THREADS: &str = "6";

/// Runs the tests of a program whose names begin with `module`. A test that needs something outside is marked
/// `#[ignore = "needs A and B"]`, with the names of variables. If all of them are set, the test is run in a second
/// pass. Otherwise it stays ignored.
pub async fn run(
    program: &TestProgram,
    module: &str,
    options: &Test,
    variables: &BTreeMap<&str, String>,
    mut suite: Suite,
) -> anyhow::Result<Suite> {
    let filter = options.filter.as_deref().unwrap_or(module);
    let output = command(program, variables).arg(filter).output().await?;
    suite.read(&output, module);
    let is_there = |name: &str| variables.contains_key(name) || std::env::var_os(name).is_some();
    let able = suite.take_able(is_there);
    if !able.is_empty() {
        let mut second = command(program, variables);
        let output = second.args(["--ignored", "--exact"]).args(able).output().await?;
        suite.read(&output, module);
    }
    suite.end();
    Ok(suite)
}

fn command(program: &TestProgram, variables: &BTreeMap<&str, String>) -> Command {
    let mut command = Command::new(&program.program);
    if program.package == END_TO_END {
        command.args(["--test-threads", THREADS]);
    }
    command.current_dir(&program.folder);
    command.env("CARGO_MANIFEST_DIR", &program.folder).envs(variables);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}
