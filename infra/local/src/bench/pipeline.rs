//! `cargo xtask bench --instead pipeline`: the nine steps as they are shipped, then the same steps as functions in Python, in the same local
//! cloud. A function gets another program as `cargo xtask reload` gives it one; nothing else of the cloud changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use tokio::process::Command;

use super::exit;
use crate::cli::{Bench, Parts};
use crate::cloud::{self, Running};
use crate::compile::{self, Binaries};
use crate::deployed::Deployed;
use crate::layout::{CloudFolder, Workspace, private_dir};
use crate::supervisor::Supervisor;
use crate::tools::languages::{self, Languages, PEERS};
use crate::tools::venv::Venv;
use crate::{progress, reload, staging};

/// Waits are left out of what is measured, so they are short.
const CLOCK_SCALE: f64 = 0.1;
/// What measures.
const PROGRAM: &str = "bench-pipeline";

/// The programs of the nine functions, by name.
type Programs = BTreeMap<String, PathBuf>;

pub async fn run(workspace: &Workspace, options: &Bench, supervisor: &Supervisor) -> anyhow::Result<ExitCode> {
    let folder = workspace.cloud(Bench::CLOUD);
    let steps: Vec<String> =
        staging::deployed(workspace)?.into_iter().filter(|name| name.starts_with("step-")).collect();
    let ours = shipped(workspace, options, &steps).await?;
    let parts = Parts {
        fault_proxy: true,
        no_build: options.no_build,
        clock_scale: Some(CLOCK_SCALE),
        journal: Some(folder.log("invocations")),
        ..Parts::default()
    };
    let (tools, binaries) = cloud::install(workspace, &parts, Some(PROGRAM)).await?;
    let bench = if options.no_build {
        binaries.get("bench")?
    } else {
        compile::programs(workspace, "what writes the results", &["bench"]).await?.get("bench")?
    };
    let peers = languages::install(workspace, &tools.python, &PEERS).await?;
    let running = cloud::start_built(workspace, Bench::CLOUD, &parts, supervisor, &tools, &binaries).await?;
    let python = written(workspace, &folder, &peers, &steps)?;

    let lanes =
        Lanes { workspace, options, folder: &folder, python: &tools.python, program: binaries.get(PROGRAM)?, running };
    let measured =
        async { anyhow::Ok((lanes.measured("ours", &ours).await?, lanes.measured("python", &python).await?)) };
    let (ours, python) = tokio::select! {
        measured = measured => measured?,
        error = supervisor.first_end() => return Err(error),
    };
    if options.quick {
        return Ok(ExitCode::SUCCESS);
    }
    let mut command = Command::new(bench);
    command.arg("pipeline").args([ours, python]).env("BENCH_ROOT", workspace.root()).stdin(Stdio::null());
    Ok(exit(command.kill_on_drop(true).status().await.context("writing the results")?))
}

async fn shipped(workspace: &Workspace, options: &Bench, steps: &[String]) -> anyhow::Result<Programs> {
    let built = if options.no_build {
        Binaries::of_last_release(workspace)?
    } else {
        compile::shipped(workspace, &steps.iter().map(String::as_str).collect::<Vec<_>>()).await?
    };
    steps.iter().map(|step| anyhow::Ok((step.clone(), built.get(step)?))).collect()
}

/// Writes what starts the handlers in Python, as the runtime of AWS does it.
fn written(
    workspace: &Workspace,
    folder: &CloudFolder,
    peers: &Languages,
    steps: &[String],
) -> anyhow::Result<Programs> {
    let scripts = folder.data("peers");
    private_dir(&scripts)?;
    let (root, python) = (workspace.root(), quoted(&peers.python));
    let handlers = quoted(&root.join("tests/bench/peers/python/pipeline"));
    let migrations = quoted(&root.join("shared/tenant-database/migrations/tenant"));
    let mut programs = Programs::new();
    for step in steps {
        let number = step.trim_start_matches("step-").split('-').next().context("a step without a number")?;
        let script = scripts.join(step);
        // The SDK for Python takes an empty name of a file for a mistake.
        let text = format!(
            "#!/bin/sh\n[ \"$AWS_CA_BUNDLE\" ] || unset AWS_CA_BUNDLE\nexport PYTHONPATH={handlers} PIPELINE_MIGRATIONS={migrations}\nexec {python} -m awslambdaric step_{number}.handler\n"
        );
        std::fs::write(&script, text).with_context(|| format!("writing {}", script.display()))?;
        programs.insert(step.clone(), script);
    }
    Ok(programs)
}

/// A path as a shell needs it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// What both languages are measured with.
struct Lanes<'a> {
    workspace: &'a Workspace,
    options: &'a Bench,
    folder: &'a CloudFolder,
    python: &'a Venv,
    program: PathBuf,
    running: Running,
}

impl Lanes<'_> {
    /// Puts the programs into the functions, and measures. Returns the file with the result.
    async fn measured(&self, language: &str, programs: &Programs) -> anyhow::Result<PathBuf> {
        let deployed = Deployed::load(self.folder)?;
        let step = progress::step(&format!("the steps: {language}"));
        for (function, program) in programs {
            reload::put(self.workspace, self.python, &deployed, function, program).await?;
        }
        step.done("");
        let file = self.folder.data(language).with_extension("json");
        let (alone, at_once) = if self.options.quick { ("3", "10") } else { ("7", "100") };
        let mut command = Command::new(&self.program);
        command.arg(&file).arg("--journal").arg(self.folder.log("invocations"));
        command.args(["--alone", alone, "--at-once", at_once]).envs(&self.running.variables);
        let status =
            command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("starting the measurement")?;
        anyhow::ensure!(status.success(), "{PROGRAM} failed");
        Ok(file)
    }
}
