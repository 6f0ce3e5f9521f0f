//! The interpreters, with the clients installed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::page::Language;

/// The time for one program, while several run.
const LIMIT: Duration = Duration::from_mins(1);

/// Where the interpreters and the clients are.
pub struct Programs {
    python: PathBuf,
    node: PathBuf,
    /// The folder that `node_modules` is in.
    node_folder: PathBuf,
}

impl Programs {
    /// The programs that the environment names.
    pub fn from_env() -> Result<Self> {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from).with_context(|| format!("{name} is not set"));
        let node_modules = path("CLIENTS_NODE_MODULES")?;
        let node_folder = node_modules.parent().context("CLIENTS_NODE_MODULES is no folder")?.to_owned();
        Ok(Self { python: path("CLIENTS_PYTHON")?, node: path("CLIENTS_NODE")?, node_folder })
    }

    /// Runs a program in JavaScript, like [`Programs::run`]. Returns what it printed.
    pub async fn javascript(&self, code: &str, variables: &[(&str, String)]) -> Result<String> {
        self.output(Language::JavaScript, code, variables).await
    }

    /// Runs a program with these variables, and with none of this process. Fails with what it said.
    pub async fn run(&self, language: Language, code: &str, variables: &[(&str, String)]) -> Result<()> {
        self.output(language, code, variables).await.map(drop)
    }

    /// Runs a line of a shell in this folder, with the programs of both environments. Returns what it said.
    pub async fn shell(&self, line: &str, folder: &Path) -> Result<String> {
        let programs = [&self.python, &self.node].map(|program| program.parent().unwrap_or(Path::new("")));
        let path = std::env::join_paths(programs.into_iter().chain([Path::new("/usr/bin"), Path::new("/bin")]))?;
        // The wheel's own `npx` does not find its library.
        let npm = self.node.with_file_name("../lib/node_modules/npm/bin/npx-cli.js");
        let modules = folder.join("node_modules");
        std::os::unix::fs::symlink(self.node_folder.join("node_modules"), modules)
            .or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("npx() {{ node \"$NPX\" \"$@\"; }}; {line}")]);
        command.env_clear().env("PATH", path).env("NPX", npm).env("HOME", folder).env("npm_config_offline", "true");
        command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(LIMIT, command.output()).await.context("it did not end")??;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(said) } else { bail!("{line}: {}\n{said}", output.status) }
    }

    async fn output(&self, language: Language, code: &str, variables: &[(&str, String)]) -> Result<String> {
        let mut command = match language {
            Language::Python => {
                let mut command = Command::new(&self.python);
                command.args(["-W", "ignore", "-"]);
                command
            }
            Language::JavaScript => {
                let mut command = Command::new(&self.node);
                command.args(["--no-warnings", "--input-type=module", "-"]);
                command
            }
        };
        command.env_clear().envs(variables.iter().map(|(name, value)| (*name, value)));
        // A module that is imported by a program from the standard input is looked for from here.
        command.current_dir(&self.node_folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("starting the interpreter")?;
        let mut input = child.stdin.take().context("no standard input")?;
        input.write_all(code.as_bytes()).await?;
        drop(input);
        let output = timeout(LIMIT, child.wait_with_output()).await.context("it did not end")??;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        let said = [output.stdout, output.stderr].concat();
        bail!("{}\n{}", output.status, String::from_utf8_lossy(&said).trim());
    }
}
