//! The addresses that the functions use: those of the fault proxy if there is one, otherwise the systems' own.

use super::fault_proxy::FaultProxy;
use super::ports::Ports;
use crate::credentials::REGIONS;

/// The running services.
pub struct Services {
    /// Authority of Postgres' certificate, PEM.
    pub postgres_ca: String,
    pub fault_proxy: Option<FaultProxy>,
}

pub struct Seen<'a> {
    pub ports: &'a Ports,
    pub services: &'a Services,
}

impl Seen<'_> {
    fn port(&self, system: &str, direct: u16) -> anyhow::Result<u16> {
        self.services.fault_proxy.as_ref().map_or(Ok(direct), |proxy| proxy.port(system))
    }

    pub fn postgres(&self) -> anyhow::Result<u16> {
        self.port("postgres", self.ports.postgres)
    }

    pub fn postgres_ca(&self) -> &str {
        &self.services.postgres_ca
    }

    pub fn valkey(&self) -> anyhow::Result<u16> {
        self.port("valkey", self.ports.valkey)
    }

    /// The system of the region with this index in [`REGIONS`].
    pub fn falkordb(&self, index: usize) -> anyhow::Result<u16> {
        self.port(&format!("falkordb-{}", REGIONS[index]), self.ports.falkordb[index])
    }

    /// The system of the region with this index in [`REGIONS`].
    pub fn opensearch(&self, index: usize) -> anyhow::Result<u16> {
        self.port(&format!("opensearch-{}", REGIONS[index]), self.ports.opensearch)
    }

    pub fn supabase(&self) -> anyhow::Result<u16> {
        self.port("supabase", self.ports.supabase)
    }

    pub fn stripe(&self) -> anyhow::Result<u16> {
        self.port("stripe", self.ports.stripe)
    }

    pub fn iomete(&self) -> anyhow::Result<u16> {
        self.port("iomete", self.ports.iomete)
    }

    pub fn smtp(&self) -> anyhow::Result<u16> {
        self.port("smtp", self.ports.smtp)
    }
}
