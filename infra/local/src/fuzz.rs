//! Schemathesis against a cloud. It calls every operation of the OpenAPI document with values that fit its schemas and
//! with values that do not, and compares every answer with the document.

use std::fs::File;
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::process::Command;

use crate::cli::Fuzz;
use crate::cloud::{self, Running};
use crate::layout::Workspace;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::{openapi, progress};

/// The document's examples, the limits of every schema, and random values.
pub const VALUES: &str = "examples,coverage,fuzzing";
/// The same, and chains along the document's links. Each chain provisions real tenants.
pub const VALUES_AND_CHAINS: &str = "examples,coverage,fuzzing,stateful";

/// How many cases are generated.
#[derive(Clone, Copy)]
pub struct Amount {
    pub phases: &'static str,
    /// Random cases per operation, at most.
    pub max_examples: u32,
    pub seed: u64,
}

/// The result of a run.
pub struct Outcome {
    pub cases: u64,
    pub failures: u64,
}

pub async fn run(workspace: &Workspace, options: &Fuzz, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    let (tools, binaries) = cloud::install(workspace, &options.parts, None).await?;
    let running = cloud::start_built(workspace, &options.name, &options.parts, supervisor, &tools, &binaries).await?;
    let amount = Amount { phases: VALUES, max_examples: options.max_examples, seed: options.seed };
    progress::announce("Schemathesis: the API against its OpenAPI document");
    let outcome = tokio::select! {
        outcome = schemathesis(workspace, &tools, &running, amount, None) => outcome?,
        error = supervisor.first_end() => return Err(error),
    };
    println!("\n{} cases, {} failures", outcome.cases, outcome.failures);
    Ok(if outcome.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs Schemathesis. Its output goes to the terminal, or into a log.
pub async fn schemathesis(
    workspace: &Workspace,
    tools: &Tools,
    running: &Running,
    amount: Amount,
    log: Option<File>,
) -> anyhow::Result<Outcome> {
    let report = running.folder.data("schemathesis").join("report.json");
    let mut command = Command::new(tools.python.program("schemathesis"));
    command.arg("--config-file").arg(workspace.infra().join("schemathesis.toml"));
    command.arg("run").arg(workspace.root().join(openapi::PATH)).args(["--url", &running.variables["API_URL"]]);
    // Only one worker: with two, Python 3.11 miscounts in ast.parse ("AST constructor recursion depth mismatch").
    command.args(["--phases", amount.phases, "--continue-on-failure", "--workers", "1"]);
    command.args(["--max-examples", &amount.max_examples.to_string(), "--seed", &amount.seed.to_string()]);
    command.arg("--report-json-path").arg(&report);
    // Only the search path is taken from the user's environment. Proxies are ignored.
    command.env_clear().env("LC_ALL", "C.UTF-8").env("HOME", running.folder.data("home"));
    command.env("PYTHONPATH", workspace.infra().join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("SCHEMATHESIS_HOOKS", "schemathesis_hooks");
    for name in ["ADMIN_API_KEY", "ADMIN_JWT"] {
        command.env(name, &running.variables[name]);
    }
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some(log) = log {
        command.stdout(log.try_clone()?).stderr(log);
    }
    crate::layout::private_dir(&running.folder.data("schemathesis"))?;
    command.current_dir(running.folder.data("schemathesis")).stdin(Stdio::null()).kill_on_drop(true);
    let status = command.status().await.context("starting schemathesis")?;
    let report = std::fs::read(&report).context("Schemathesis left no report")?;
    let report: Report = serde_json::from_slice(&report).context("Schemathesis' report is of another shape")?;
    Ok(report.outcome(status.success()))
}

/// The parts of the JSON report that are read.
#[derive(Deserialize)]
struct Report {
    complete: bool,
    test_cases: TestCases,
    operations: Operations,
    /// What kept an operation from being tested.
    errors: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct TestCases {
    generated: u64,
    with_failures: u64,
}

#[derive(Deserialize)]
struct Operations {
    total: u64,
    tested: u64,
}

impl Report {
    /// An operation that was not called counts as a failure. So does a failed run whose counts show no failure. The
    /// report's count of cases that "errored" is not read: it holds cases that were drawn, but given up before a call.
    fn outcome(&self, passed: bool) -> Outcome {
        let untested = self.operations.total - self.operations.tested;
        let failures = self.test_cases.with_failures + self.errors.len() as u64 + untested;
        let unexplained = failures == 0 && !(passed && self.complete);
        Outcome { cases: self.test_cases.generated, failures: failures + u64::from(unexplained) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(with_failures: u64, errors: u64, tested: u64, exit_code: u64) -> Outcome {
        let report = json!({
            "complete": true,
            "test_cases": { "generated": 100, "with_failures": with_failures, "errored": 1 },
            "operations": { "total": 13, "tested": tested },
            "errors": (0..errors).map(|error| json!({ "title": error })).collect::<Vec<_>>(),
        });
        serde_json::from_value::<Report>(report).unwrap().outcome(exit_code == 0)
    }

    #[test]
    fn nothing_passes_for_a_success() {
        assert_eq!(outcome(0, 0, 13, 0).failures, 0);
        assert_eq!(outcome(2, 0, 13, 1).failures, 2);
        assert_eq!(outcome(0, 1, 13, 1).failures, 1);
        assert_eq!(outcome(0, 0, 12, 0).failures, 1);
        assert_eq!(outcome(0, 0, 13, 1).failures, 1);
    }
}
