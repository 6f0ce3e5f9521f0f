//! Calls to the local AWS: small scripts in the tools' Python environment, which has the official SDK anyway.
//!
//! JSON goes in on standard input and comes out on standard output. No secret is put on a command line, where every
//! user of the machine could read it.

use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::layout::Workspace;
use crate::tools::venv::Venv;

/// Runs `infra/local/python/{script}.py` and reads its answer.
pub async fn call<T: DeserializeOwned>(
    workspace: &Workspace,
    python: &Venv,
    script: &str,
    input: &impl Serialize,
) -> anyhow::Result<T> {
    let mut command = prepare(workspace, python, script);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {script}.py"))?;
    feed(&mut child, input).await?;
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        bail!("{script}.py failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{script}.py answered something unexpected"))
}

/// Runs a script and hands on each line that it prints.
pub async fn lines(
    workspace: &Workspace,
    python: &Venv,
    script: &str,
    input: &impl Serialize,
    mut each: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut command = prepare(workspace, python, script);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {script}.py"))?;
    feed(&mut child, input).await?;
    let mut lines = BufReader::new(child.stdout.take().context("a script has no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        each(&line)?;
    }
    if !child.wait().await?.success() {
        bail!("{script}.py failed");
    }
    Ok(())
}

fn prepare(workspace: &Workspace, python: &Venv, script: &str) -> Command {
    let mut command = Command::new(python.program("python"));
    command.arg("-B").arg(workspace.infra().join("python").join(format!("{script}.py")));
    // The user's AWS configuration and proxies are ignored.
    command.env_clear().env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.stdin(Stdio::piped()).kill_on_drop(true);
    command
}

async fn feed(child: &mut tokio::process::Child, input: &impl Serialize) -> anyhow::Result<()> {
    let mut stdin = child.stdin.take().context("a script takes no input")?;
    stdin.write_all(&serde_json::to_vec(input)?).await?;
    Ok(())
}
