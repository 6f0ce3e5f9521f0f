//! The program, run as a person or a script runs it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// No command of a test takes longer.
pub const LIMIT: Duration = Duration::from_mins(3);

/// What a test's servers take for a key and a token. Nothing that the program prints may contain them.
pub const KEY: &str = "test-key-Zw3v8Kq1";
pub const TOKEN: &str = "test-token-Ht6x2Lm9";

/// The program, with a folder for its configuration, and nothing else of this process' environment.
pub struct Ivory {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// What a command did.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ivory {
    /// Without a profile and without credentials.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = folder.path().display().to_string();
        let variables =
            [("HOME", home.as_str()), ("IVORY_KEYRING", "off"), ("PATH", "/usr/bin:/bin"), ("COLUMNS", "120")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Ok(Self { folder, variables })
    }

    /// With both credentials, for the API at this URL.
    pub fn at(url: &str) -> Result<Self> {
        Ok(Self::new()?.set("IVORY_URL", url).set("IVORY_API_KEY", KEY).set("IVORY_TOKEN", TOKEN))
    }

    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// A path below the home folder.
    pub fn home(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Starts a command that ends when a test says so. Its line is what a person types after `ivory`.
    pub fn start(&self, line: &str) -> Result<Child> {
        let arguments = shell_words::split(line)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_ivory"));
        command.args(arguments).env_clear().envs(&self.variables).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command.spawn()?)
    }

    /// Runs a command with this standard input.
    pub async fn fed(&self, input: &str, line: &str) -> Result<Said> {
        let mut child = self.start(line)?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        // A program that does not read it may have ended.
        drop(stdin.write_all(input.as_bytes()).await);
        drop(stdin);
        Said::of(child).await.with_context(|| format!("ivory {line}"))
    }

    /// Runs a command without standard input.
    pub async fn run(&self, line: &str) -> Result<Said> {
        self.fed("", line).await
    }

    /// Runs a command that succeeds, and returns what it wrote to standard output.
    pub async fn text(&self, line: &str) -> Result<String> {
        Ok(self.run(line).await?.ends(0)?.out)
    }

    /// Runs a command that ends with this code. Its standard output is JSON and as its schema says.
    pub async fn json(&self, code: i32, line: &str) -> Result<Value> {
        let said = self.run(line).await?.ends(code)?;
        let value = said.json()?;
        self.is_as_its_schema_says(line, &value).await?;
        Ok(value)
    }

    /// The same of a command that writes one event per line.
    pub async fn events(&self, code: i32, line: &str) -> Result<Vec<Value>> {
        let said = self.run(line).await?.ends(code)?;
        let events: Vec<Value> = said.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        for event in &events {
            self.is_as_its_schema_says(line, event).await?;
        }
        Ok(events)
    }

    async fn is_as_its_schema_says(&self, line: &str, value: &Value) -> Result<()> {
        let is_shown_only = line.contains("--dry-run") && !line.starts_with("tenant apply");
        let command = if is_shown_only { "--dry-run".to_owned() } else { command_of(line) };
        let schema: Value = serde_json::from_str(&self.text(&format!("schema {command}")).await?)?;
        let validator = jsonschema::options().should_validate_formats(true).build(&schema)?;
        let faults: Vec<_> = validator.iter_errors(value).map(|fault| fault.to_string()).collect();
        ensure!(faults.is_empty(), "not as `ivory schema {command}` says, {faults:?}: {value}");
        Ok(())
    }
}

/// The command that a line is about, e.g. `tenant get`.
fn command_of(line: &str) -> String {
    let (mut tree, mut names) = (&ivory::command(), Vec::new());
    while let Some(next) = line.split_whitespace().nth(names.len()).and_then(|word| tree.find_subcommand(word)) {
        names.push(next.get_name());
        tree = next;
    }
    names.join(" ")
}

impl Said {
    pub async fn of(child: Child) -> Result<Self> {
        let output = timeout(LIMIT, child.wait_with_output()).await.context("it does not end")??;
        let code = output.status.code();
        Ok(Self { code, out: String::from_utf8(output.stdout)?, err: String::from_utf8(output.stderr)? })
    }

    /// Fails unless it ended with this code.
    pub fn ends(self, code: i32) -> Result<Self> {
        ensure!(self.code == Some(code), "not {code}: {self:#?}");
        Ok(self)
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("not JSON: {self:#?}"))
    }

    /// Both outputs, for searches.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }
}
