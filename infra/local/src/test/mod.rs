//! `cargo xtask test`: every test there is, with a real cloud beside it.

mod report;

use std::collections::BTreeMap;
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::cli::{Parts, Test};
use crate::cloud::{self, Running};
use crate::compile::{self, TestProgram};
use crate::layout::Workspace;
use crate::services::CertificateFiles;
use crate::supervisor::Supervisor;
use crate::{fuzz, tools};
use report::{Report, Suite};

/// Tests of this package go through the gateway and break things on purpose: they come last.
const END_TO_END: &str = "e2e";

pub async fn run(workspace: &Workspace, options: &Test, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    let tools = tools::install(workspace).await?;
    let built = compile::everything(workspace).await?;
    let parts = Parts { fault_proxy: true, ..Parts::default() };
    let running = cloud::start_built(workspace, &options.name, &parts, supervisor, &tools, &built.binaries).await?;
    let mut report = Report::default();
    let everything = async {
        run_all(options, built.tests, &running, &mut report).await?;
        if options.package.is_empty() && options.filter.is_none() {
            report.add(fuzz(workspace, &tools, &running).await?);
        }
        anyhow::Ok(())
    };
    tokio::select! {
        result = everything => result?,
        error = supervisor.first_end() => return Err(error),
    }
    report.print();
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_all(
    options: &Test,
    mut programs: Vec<TestProgram>,
    running: &Running,
    report: &mut Report,
) -> anyhow::Result<()> {
    programs.retain(|program| options.package.is_empty() || options.package.contains(&program.package));
    programs.sort_by_key(|program| (program.package == END_TO_END, program.package.clone(), program.target.clone()));
    let variables = for_tests(running);
    for program in &programs {
        report.add(run_program(program, options, &variables).await?);
    }
    Ok(())
}

/// The API against its OpenAPI document, in as many cases as fit into a test run; `cargo xtask fuzz` takes its time.
async fn fuzz(workspace: &Workspace, tools: &tools::Tools, running: &Running) -> anyhow::Result<Suite> {
    println!("\n== Schemathesis");
    let amount = fuzz::Amount { phases: fuzz::VALUES_AND_CHAINS, max_examples: 20, seed: 1 };
    let started = Suite::new("Schemathesis (cases)".to_owned());
    let outcome = fuzz::schemathesis(workspace, tools, running, amount).await?;
    Ok(started.counted(outcome.cases, outcome.failures))
}

/// The env file's variables, and the names under which tests of single crates look for a server to try.
fn for_tests(running: &Running) -> BTreeMap<&'static str, String> {
    let mut variables = running.variables.clone();
    let named = |from: &str| running.variables[from].clone();
    variables.insert("TEST_OPENSEARCH_URL", named("OPENSEARCH_URL"));
    variables.insert("TEST_VALKEY_URL", named("VALKEY_URL"));
    variables.insert("TEST_FALKORDB_URL", named("FALKORDB_URL_US_EAST_1"));
    // These connect without TLS, which this cluster allows to everything but the control database.
    let postgres = named("POSTGRES_SUPERUSER_URL");
    variables.insert("TEST_POSTGRES_URL", postgres.split('?').next().unwrap_or_default().to_owned());
    // Postgres' own, for the fault proxy's tests.
    let certificates = CertificateFiles::of(&running.folder);
    variables.insert("TEST_POSTGRES_CERTIFICATE_FILE", certificates.server.display().to_string());
    variables.insert("TEST_POSTGRES_KEY_FILE", certificates.server_key.display().to_string());
    // Every answer of the gateway, for the test that looks for secrets in them; gone with the cloud's other data.
    variables.insert("E2E_ANSWERS", running.folder.data("gateway-answers.jsonl").display().to_string());
    variables
}

async fn run_program(
    program: &TestProgram,
    options: &Test,
    variables: &BTreeMap<&'static str, String>,
) -> anyhow::Result<Suite> {
    let name = format!("{}::{}", program.package, program.target);
    let mut command = Command::new(&program.program);
    // Tests say on their own output that they had nothing to test with: show it, so that it can be counted.
    command.arg("--show-output").args(&options.filter).current_dir(&program.folder);
    command.env("CARGO_MANIFEST_DIR", &program.folder).envs(variables);
    run_suite(name, command).await
}

/// Runs one program, passing its output on while reading it.
async fn run_suite(name: String, mut command: Command) -> anyhow::Result<Suite> {
    println!("\n== {name}");
    let mut suite = Suite::new(name);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a test has no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if suite.read(&line) {
            println!("{line}");
        }
    }
    suite.end(child.wait().await?.success());
    Ok(suite)
}
