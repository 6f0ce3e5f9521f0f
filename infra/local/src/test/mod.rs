//! `cargo xtask test`: all tests, with real clouds.
//!
//! Each cloud runs one test program at a time. So the faults of one program do not hit another one, and it does not
//! count another one's calls. Several clouds run side by side, because the programs mostly wait.

mod plan;
mod program;
mod report;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::ExitCode;

use anyhow::Context as _;
use futures_util::future::try_join_all;

use crate::cli::{Parts, Test};
use crate::cloud::{self, Running};
use crate::compile::{self, Binaries};
use crate::fuzz;
use crate::layout::Workspace;
use crate::progress::{self, Step};
use crate::services::CertificateFiles;
use crate::supervisor::Supervisor;
use crate::tools::languages::{self, Languages};
use crate::tools::venv::Venv;
use crate::tools::{self, Tools, checks};
use plan::{Plan, Unit};
use report::{Report, Suite};

pub async fn run(workspace: &Workspace, options: &Test, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    let (installed, built) = tokio::try_join!(install(workspace, options), compile::everything(workspace))?;
    let plan = Plan::new(options, built.tests)?;
    let test_run = TestRun {
        workspace,
        options,
        supervisor,
        installed: &installed,
        binaries: &built.binaries,
        step: progress::step("tests"),
        running: RefCell::default(),
        plan: RefCell::new(plan),
        report: RefCell::default(),
    };
    let clouds = test_run.plan.borrow().len().clamp(1, options.clouds.into());
    tokio::select! {
        result = try_join_all((1..=clouds).map(|number| test_run.on_a_cloud(number))) => drop(result?),
        error = supervisor.first_end() => return Err(error),
    }
    test_run.step.done("");
    let mut report = test_run.report.into_inner();
    report.print();
    Ok(if report.passed(options.strict) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the tests need besides the programs of this workspace.
struct Installed {
    tools: Tools,
    /// The official clients, if their tests are among those that run.
    clients: Option<Languages>,
    checks: Venv,
}

async fn install(workspace: &Workspace, options: &Test) -> anyhow::Result<Installed> {
    let tools = tools::install(workspace).await?;
    let needed = options.package.is_empty()
        || options.package.iter().any(|package| languages::CLIENTS_PACKAGES.contains(&package.as_str()));
    let clients =
        if needed { Some(languages::install(workspace, &tools.python, &languages::CLIENTS).await?) } else { None };
    let checks = checks::install(workspace, &tools.python).await?;
    Ok(Installed { tools, clients, checks })
}

/// What all clouds of one run share.
struct TestRun<'a> {
    workspace: &'a Workspace,
    options: &'a Test,
    supervisor: &'a Supervisor,
    installed: &'a Installed,
    binaries: &'a Binaries,
    step: Step,
    /// The names of the programs that run now.
    running: RefCell<BTreeSet<String>>,
    plan: RefCell<Plan>,
    report: RefCell<Report>,
}

impl TestRun<'_> {
    /// Starts a cloud and runs the remaining programs on it, one after the other.
    async fn on_a_cloud(&self, number: usize) -> anyhow::Result<()> {
        let first = &self.options.name;
        let name = if number == 1 { first.clone() } else { format!("{first}.{number}") };
        let parts = Parts { fault_proxy: true, ..Parts::default() };
        let supervisor = self.supervisor.of_cloud(&name);
        let cloud =
            cloud::start_built(self.workspace, &name, &parts, &supervisor, &self.installed.tools, self.binaries)
                .await?;
        let mut variables = for_tests(&cloud, self.installed);
        if self.options.pictures {
            variables.insert("UPDATE_CONSOLE", "1".to_owned());
        }
        loop {
            let Some(unit) = self.plan.borrow_mut().next() else { break };
            self.unit(&unit, &cloud, &variables).await?;
        }
        let last = self.plan.borrow().last();
        for unit in last {
            self.unit(&unit, &cloud, &variables).await?;
        }
        Ok(())
    }

    async fn unit(&self, unit: &Unit, cloud: &Running, variables: &BTreeMap<&str, String>) -> anyhow::Result<()> {
        let name = format!("{} ({})", unit.name(), cloud.folder.name());
        self.running.borrow_mut().insert(name.clone());
        self.tell();
        let suite = match unit {
            Unit::Program(program, module) => {
                program::run(program, module, self.options, variables, Suite::new(unit.name())).await?
            }
            Unit::Fuzz => self.fuzz(cloud).await?,
        };
        self.running.borrow_mut().remove(&name);
        progress::print(&suite.text());
        self.report.borrow_mut().add(suite);
        self.tell();
        Ok(())
    }

    /// Shows which programs run now, and how many are left.
    fn tell(&self) {
        let running = self.running.borrow().iter().cloned().collect::<Vec<_>>().join(", ");
        self.step.tell(&format!("tests: {} programs are left; running: {running}", self.plan.borrow().len()));
    }

    /// Tests the API against its OpenAPI document, with as many cases as fit into a test run. `cargo xtask fuzz` runs
    /// more.
    async fn fuzz(&self, cloud: &Running) -> anyhow::Result<Suite> {
        let amount = fuzz::Amount { phases: fuzz::VALUES_AND_CHAINS, max_examples: 20, seed: 1 };
        let log = cloud.folder.log("schemathesis");
        let mut suite = Suite::new(Unit::Fuzz.name());
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let outcome = fuzz::schemathesis(self.workspace, &self.installed.tools, cloud, amount, Some(file)).await?;
        suite.count(outcome.cases, outcome.failures, &std::fs::read_to_string(&log)?);
        Ok(suite)
    }
}

/// The variables of the env file, and those with which tests of single crates find a test server.
fn for_tests(running: &Running, installed: &Installed) -> BTreeMap<&'static str, String> {
    let mut variables = running.variables.clone();
    if let Some(Languages { python, node, node_modules }) = &installed.clients {
        variables.insert("CLIENTS_PYTHON", python.display().to_string());
        variables.insert("CLIENTS_NODE", node.display().to_string());
        variables.insert("CLIENTS_NODE_MODULES", node_modules.display().to_string());
    }
    let named = |from: &str| running.variables[from].clone();
    variables.insert("TEST_OPENSEARCH_URL", named("OPENSEARCH_URL"));
    variables.insert("TEST_VALKEY_URL", named("VALKEY_URL"));
    variables.insert("TEST_FALKORDB_URL", named("FALKORDB_URL_US_EAST_1"));
    // It holds the second interpreter of state machines.
    variables.insert("TEST_PYTHON", installed.tools.python.program("python").display().to_string());
    // `sam`, and what checks templates, policies and commands.
    variables.insert("TEST_SAM", installed.tools.python.program("sam").display().to_string());
    variables.insert(
        "TEST_CHECKS",
        installed.checks.program("aws").parent().map_or_else(String::new, |bin| bin.display().to_string()),
    );
    // These connect without TLS, which this cluster allows to everything but the control database.
    let postgres = named("POSTGRES_SUPERUSER_URL");
    variables.insert("TEST_POSTGRES_URL", postgres.split('?').next().unwrap_or_default().to_owned());
    // Postgres' own certificate, for the tests of the fault proxy.
    let certificates = CertificateFiles::of(&running.folder);
    variables.insert("TEST_POSTGRES_CERTIFICATE_FILE", certificates.server.display().to_string());
    variables.insert("TEST_POSTGRES_KEY_FILE", certificates.server_key.display().to_string());
    // Every answer of the gateway, for the test that looks for secrets in them. It is removed with the cloud's other
    // data.
    variables.insert("E2E_ANSWERS", running.folder.data("gateway-answers.jsonl").display().to_string());
    variables
}
