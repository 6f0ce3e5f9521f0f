//! The fault proxy, which stands before every outside system and makes calls fail when a test wants that.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context as _;

use super::certificates::CertificateFiles;
use super::site::Site;
use crate::credentials::REGIONS;
use crate::supervisor::Service;

/// The proxy's control address, and the address under which it serves each system.
pub struct FaultProxy {
    pub control: String,
    upstreams: BTreeMap<String, SocketAddr>,
}

impl FaultProxy {
    /// The proxy's port for one system.
    pub fn port(&self, system: &str) -> anyhow::Result<u16> {
        let address = self.upstreams.get(system).with_context(|| format!("no proxy before {system}"))?;
        Ok(address.port())
    }
}

pub async fn start(site: &Site<'_>, certificates: &CertificateFiles) -> anyhow::Result<FaultProxy> {
    let ports = &site.ports;
    let mut command = site.command(&site.binaries.get("fault-proxy")?);
    let mut http =
        [("supabase", ports.supabase), ("stripe", ports.stripe), ("iomete", ports.iomete), ("aws", ports.aws)]
            .map(|(name, port)| (name.to_owned(), port))
            .to_vec();
    // There is one node, but each region's functions have their own address for it, so that a call to the wrong region
    // can be seen.
    http.extend(REGIONS.map(|region| (format!("opensearch-{region}"), ports.opensearch)));
    for (name, port) in http {
        command.args(["--http", &format!("{name}=127.0.0.1:{port}")]);
    }
    // The control database and the tenants' databases are in one cluster, but count as two systems: each can fail
    // alone.
    for name in ["postgres", "pooler"] {
        command.args(["--postgres", &format!("{name}=127.0.0.1:{}", ports.postgres)]);
    }
    command.arg("--postgres-certificate").arg(&certificates.server);
    command.arg("--postgres-key").arg(&certificates.server_key);
    command.arg("--postgres-authority").arg(&certificates.authority);
    let mut tcp = vec![("valkey".to_owned(), ports.valkey), ("smtp".to_owned(), ports.smtp)];
    tcp.extend(REGIONS.iter().zip(ports.falkordb).map(|(region, port)| (format!("falkordb-{region}"), port)));
    for (name, port) in tcp {
        command.args(["--tcp", &format!("{name}=127.0.0.1:{port}")]);
    }
    let service = Service::new("fault-proxy", command, site.folder.log("fault-proxy"));
    let ready = site.supervisor.start_and_listen(service).await?;
    let (control, upstreams) = ready.split_once(' ').context("the fault proxy does not say where it listens")?;
    Ok(FaultProxy { control: control.to_owned(), upstreams: serde_json::from_str(upstreams)? })
}
