//! The two programs that do the work: `sam` and `aws`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// A program, run in the checkout's folder.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    root: PathBuf,
    name: &'static str,
}

impl Program {
    /// The one in the search path, else the one that `cargo xtask test` installed.
    fn find(root: &Path, name: &'static str, tools: &str) -> anyhow::Result<Self> {
        let in_path = std::env::var_os("PATH")
            .and_then(|path| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()));
        let pinned = root.join("target/local/tools").join(tools).join("bin").join(name);
        let Some(path) = in_path.or_else(|| pinned.is_file().then_some(pinned)) else {
            bail!(
                "`{name}` is not in the search path: install it, or let `cargo xtask test` install it below target/local"
            )
        };
        Ok(Self { path, root: root.to_owned(), name })
    }

    pub fn sam(root: &Path) -> anyhow::Result<Self> {
        Self::find(root, "sam", "venv")
    }

    pub fn aws(root: &Path) -> anyhow::Result<Self> {
        Self::find(root, "aws", "checks")
    }

    /// Runs it and returns what it wrote to standard output. `input` goes to its standard input, where no other user of
    /// the machine can read it.
    pub fn output(&self, arguments: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        let mut command = self.command(arguments);
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(self.name)?;
        if let Some(input) = input {
            child.stdin.take().context("it takes no input")?.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("{}\n{}", line(self.name, arguments), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it with its output on the terminal.
    pub fn show(&self, arguments: &[&str]) -> anyhow::Result<()> {
        say!("$ {}", line(self.name, arguments));
        let status = self.command(arguments).stdin(Stdio::null()).status().context(self.name)?;
        if !status.success() {
            bail!("`{}` failed; what it says is above", self.name);
        }
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(&self.root).env("SAM_CLI_TELEMETRY", "0").env("AWS_PAGER", "");
        command
    }
}

/// What `git` says of the checkout.
pub fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output().context("starting git")?;
    ensure!(output.status.success(), "git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A command as one would type it.
pub fn line(program: &str, arguments: &[&str]) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@".contains(c);
    let mut line = program.to_owned();
    for argument in arguments {
        line.push(' ');
        if !argument.is_empty() && argument.chars().all(safe) {
            line.push_str(argument);
        } else {
            line.push('\'');
            line.push_str(&argument.replace('\'', r"'\''"));
            line.push('\'');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_pasted_into_a_shell() {
        assert_eq!(line("sam", &["deploy", "--tags", "a=1 b=2"]), "sam deploy --tags 'a=1 b=2'");
        assert_eq!(line("aws", &["it's", ""]), r"aws 'it'\''s' ''");
    }
}
