//! The profile of the running cloud, with which `ivory` finds it. `ivory` itself writes it and removes it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::cloud::Running;

/// A profile that is there for as long as the cloud runs.
pub struct Profile {
    program: PathBuf,
    name: String,
    url: String,
}

impl Profile {
    /// Writes the profile. The credentials stay in a file: they end with the cloud, and nobody has to unlock a keyring.
    pub fn write(program: &Path, running: &Running) -> anyhow::Result<Self> {
        let cloud = running.folder.name();
        let name = if cloud == "default" { "local".to_owned() } else { format!("local-{cloud}") };
        let url = running.variables["API_URL"].clone();
        let profile = Self { program: program.to_owned(), name, url };
        for (flag, variable) in [("--with-api-key", "ADMIN_API_KEY"), ("--with-token", "ADMIN_JWT")] {
            let arguments = ["login", "--url", &profile.url, "--no-switch", flag];
            profile.ivory(&arguments, &running.variables[variable])?;
        }
        Ok(profile)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ivory` with a text as its standard input.
    fn ivory(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = command(&self.program);
        command.args(["--profile", &self.name]).args(arguments).env("IVORY_KEYRING", "off");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Another clone's cloud may have written a profile of the same name since.
    fn is_ours(&self) -> anyhow::Result<bool> {
        let Value::Array(profiles) = serde_json::from_str(&self.ivory(&["profile", "list"], "")?)? else {
            bail!("no list of profiles")
        };
        let url = |profile: &Value| profile["url"].as_str().map(|url| url.trim_end_matches('/').to_owned());
        let is_it = |profile: &&Value| profile["name"] == self.name.as_str();
        Ok(profiles.iter().find(is_it).and_then(url).as_deref() == Some(&self.url))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        if self.is_ours().unwrap_or(false) {
            // A profile that stays says where nobody answers, and the next cloud writes it anew.
            let _ = self.ivory(&["logout"], "");
        }
    }
}

/// `ivory`, whatever the caller's environment says to it.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for variable in ["IVORY_URL", "IVORY_PROFILE", "IVORY_API_KEY", "IVORY_TOKEN"] {
        command.env_remove(variable);
    }
    command
}
