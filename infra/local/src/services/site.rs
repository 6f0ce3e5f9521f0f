//! What every service is started with.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tokio::process::Command;

use crate::cli::Parts;
use crate::compile::Binaries;
use crate::credentials::Credentials;
use crate::layout::{CloudFolder, Workspace};
use crate::services::ports::Ports;
use crate::supervisor::{Supervisor, leashed};
use crate::tools::Tools;

/// What is needed to start a service.
pub struct Site<'a> {
    pub workspace: &'a Workspace,
    pub folder: &'a CloudFolder,
    pub tools: &'a Tools,
    pub binaries: &'a Binaries,
    pub parts: &'a Parts,
    pub credentials: &'a Credentials,
    pub supervisor: &'a Supervisor,
    pub ports: Ports,
}

impl Site<'_> {
    /// A service's command. It gets almost nothing of the user's environment, and it ends when this process dies.
    pub fn command(&self, program: &Path) -> Command {
        self.command_as(program, Signal::TERM, &[])
    }

    pub fn command_as(&self, program: &Path, on_death: Signal, identity: &[&str]) -> Command {
        let mut command = leashed(program, on_death, identity);
        command.env_clear().env("LC_ALL", "C.UTF-8").env("HOME", self.folder.data("home"));
        for name in ["PATH", "RUST_LOG", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Creates a service's folder.
    pub fn data(&self, service: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.data(service);
        crate::layout::private_dir(&folder)?;
        Ok(folder)
    }
}

/// Whether something accepts connections there.
pub async fn accepts(port: u16) -> bool {
    tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}
