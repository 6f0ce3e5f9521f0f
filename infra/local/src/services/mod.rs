//! The servers of a cloud. Each has its own loopback port.

mod certificates;
pub mod fault_proxy;
pub mod ministack;
pub mod opensearch;
mod ports;
pub mod postgres;
mod seen;
pub mod simulators;
mod site;
pub mod valkey;

use crate::cli::Parts;
use crate::progress;
pub use certificates::CertificateFiles;
pub use ports::Ports;
pub use seen::{Seen, Services};
pub use site::Site;

/// The programs of this workspace that run as services.
pub fn programs(parts: &Parts) -> Vec<&'static str> {
    let mut programs = vec!["iomete-simulator", "mailbox", "stripe-simulator", "supabase-simulator"];
    programs.extend(parts.fault_proxy.then_some("fault-proxy"));
    programs
}

/// Starts all services, each as soon as the services it needs are ready.
pub async fn start(site: &Site<'_>) -> anyhow::Result<Services> {
    let step = progress::step("Postgres, Valkey, FalkorDB, OpenSearch, stand-ins, ministack");
    let certificates = certificates::generate()?;
    let files = certificates.write(site.folder)?;
    let fault_proxy = if site.parts.fault_proxy { Some(fault_proxy::start(site, &files).await?) } else { None };
    // ministack and OpenSearch take longest, and no other service needs them.
    tokio::try_join!(opensearch::start(site), ministack::start(site, fault_proxy.as_ref()), async {
        postgres::start(site, &certificates).await?;
        valkey::start_all(site).await?;
        simulators::start_all(site, fault_proxy.as_ref()).await
    },)?;
    step.done("");
    Ok(Services { postgres_ca: certificates.authority, fault_proxy })
}
