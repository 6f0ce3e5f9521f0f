//! The servers of a cloud. Each has its own loopback port.

mod certificates;
pub mod fault_proxy;
mod ministack;
pub mod opensearch;
mod postgres;
mod seen;
pub mod simulators;
pub mod valkey;

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;
use rand::seq::SliceRandom as _;
use rustix::process::Signal;
use tokio::process::Command;

use crate::cli::Parts;
use crate::compile::Binaries;
use crate::credentials::{Credentials, REGIONS};
use crate::layout::{CloudFolder, Workspace};
use crate::progress;
use crate::supervisor::{Supervisor, leashed};
use crate::tools::Tools;
pub use certificates::CertificateFiles;
use fault_proxy::FaultProxy;
pub use seen::Seen;

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

/// The ports are chosen before any service starts, so that a service can be told another one's address.
pub struct Ports {
    pub postgres: u16,
    pub valkey: u16,
    pub falkordb: [u16; REGIONS.len()],
    pub opensearch: u16,
    pub supabase: u16,
    pub supabase_admin: u16,
    pub stripe: u16,
    pub stripe_admin: u16,
    pub iomete: u16,
    pub mailbox: u16,
    pub smtp: u16,
    pub aws: u16,
}

/// The running services.
pub struct Services {
    /// Authority of Postgres' certificate, PEM.
    pub postgres_ca: String,
    pub fault_proxy: Option<FaultProxy>,
}

/// Lower ports are often used by well-known services.
const LOWEST_PORT: u16 = 10_000;

/// The first port the kernel gives to outgoing connections, or Linux' default if the kernel reports none that is
/// usable.
fn first_outgoing_port() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    first.filter(|first| *first > LOWEST_PORT + 1_000).unwrap_or(32_768)
}

/// Every port this process has chosen. Its service may not have bound it yet when the next cloud chooses.
static CHOSEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

impl Ports {
    /// Ports that are free right now. They are below the range from which the kernel takes ports for outgoing
    /// connections: one of those could be taken again before its service binds it.
    pub fn choose() -> anyhow::Result<Self> {
        let mut candidates = (LOWEST_PORT..first_outgoing_port()).collect::<Vec<_>>();
        candidates.shuffle(&mut rand::rng());
        let mut chosen = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = || -> anyhow::Result<u16> {
            while let Some(port) = candidates.pop() {
                if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && chosen.insert(port) {
                    return Ok(port);
                }
            }
            bail!("there is no free port on 127.0.0.1")
        };
        Ok(Self {
            postgres: next()?,
            valkey: next()?,
            falkordb: [next()?, next()?, next()?],
            opensearch: next()?,
            supabase: next()?,
            supabase_admin: next()?,
            stripe: next()?,
            stripe_admin: next()?,
            iomete: next()?,
            mailbox: next()?,
            smtp: next()?,
            aws: next()?,
        })
    }
}

/// The programs of this workspace that run as services.
pub fn programs(parts: &Parts) -> Vec<&'static str> {
    let mut programs = vec!["iomete-simulator", "mailbox", "stripe-simulator", "supabase-simulator"];
    programs.extend(parts.fault_proxy.then_some("fault-proxy"));
    programs
}

impl Site<'_> {
    /// Starts all services, each as soon as the services it needs are ready.
    pub async fn start(&self) -> anyhow::Result<Services> {
        let step = progress::step("Postgres, Valkey, FalkorDB, OpenSearch, stand-ins, ministack");
        let certificates = certificates::generate()?;
        let files = certificates.write(self.folder)?;
        let fault_proxy = if self.parts.fault_proxy { Some(fault_proxy::start(self, &files).await?) } else { None };
        // ministack and OpenSearch take longest, and no other service needs them.
        tokio::try_join!(opensearch::start(self), ministack::start(self, fault_proxy.as_ref()), async {
            postgres::start(self, &certificates).await?;
            valkey::start_all(self).await?;
            simulators::start_all(self, fault_proxy.as_ref()).await
        },)?;
        step.done("");
        Ok(Services { postgres_ca: certificates.authority, fault_proxy })
    }

    /// A service's command. It gets almost nothing of the user's environment, and it ends when this process dies.
    fn command(&self, program: &Path) -> Command {
        self.command_as(program, Signal::TERM, &[])
    }

    fn command_as(&self, program: &Path, on_death: Signal, identity: &[&str]) -> Command {
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
    fn data(&self, service: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.data(service);
        crate::layout::private_dir(&folder)?;
        Ok(folder)
    }
}

/// Whether something accepts connections there.
async fn accepts(port: u16) -> bool {
    tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}
