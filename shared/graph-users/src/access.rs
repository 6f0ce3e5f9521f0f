//! A tenant's graph, with the user who may reach it and nothing else.

use std::time::Duration;

use domain::{CauseCode, Failure, names};
use falkordb::{FalkorDb, Found, GraphSpec, Rights};
use lambda_kit::{Read, needs};
use secrecy::SecretString;
use secrets::{RegionSecret, TenantSecret};
use store::{Lease, Tenant};

/// Setting a user, keeping it, and looking at it.
const GRANT_TIMEOUT: Duration = Duration::from_secs(5);

needs! {
    /// The graphs of the regions, and the passwords of their users.
    pub struct GraphAccess {
        regions: Read<RegionSecret>,
        tenants: Read<TenantSecret>,
    }
}

impl GraphAccess {
    /// The tenant's graph in its region, whether it exists or not.
    pub async fn of<'a>(&self, tenant: &'a Tenant) -> Result<TenantGraph<'a>, Failure> {
        let region = self.regions.read_of(tenant.region).await?.falkordb;
        let password = self.tenants.read_of(tenant.tenant_id).await?.graph_pass;
        let falkordb = FalkorDb::connect(&region.url, region.ca_pem.as_deref()).await?;
        Ok(TenantGraph { falkordb, tenant, name: names::graph(&tenant.slug), password })
    }
}

/// A tenant's graph and its user, who has the graph's name. No `Debug`, because it holds the password.
pub struct TenantGraph<'a> {
    falkordb: FalkorDb,
    tenant: &'a Tenant,
    name: String,
    password: SecretString,
}

impl TenantGraph<'_> {
    /// The same, whose user is to have another password, which is in the tenant's secret by now.
    #[must_use]
    pub fn with_password(self, password: SecretString) -> Self {
        Self { password, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes the graph, unless it is there.
    pub async fn create(&self) -> Result<(), Failure> {
        let tenant_id = self.tenant.tenant_id.to_string();
        let spec = GraphSpec {
            graph: &self.name,
            tenant_id: &tenant_id,
            slug: self.tenant.slug.as_str(),
            display_name: self.tenant.display_name.as_str(),
        };
        Ok(self.falkordb.create_graph(&spec).await?)
    }

    /// Gives the user exactly its rights to the graph. The lease outlasts it.
    pub async fn grant(&self) -> Result<(), Failure> {
        Ok(self.falkordb.grant(&self.name, &self.name, &self.password).await?)
    }

    /// The same for a graph that was made before: it has to be the tenant's. A right to another tenant's graph would open that
    /// one's data.
    pub async fn grant_again(&self, lease: &Lease<'_>) -> Result<(), Failure> {
        match self.seen().await? {
            Found::Ours => {}
            Found::Nothing | Found::Unmarked => return Err(CauseCode::GraphGone.into()),
            Found::Foreign => return Err(CauseCode::FalkorDbForeignGraph.into()),
        }
        lease.fence(GRANT_TIMEOUT).await?;
        self.grant().await
    }

    /// Looks at the graph.
    pub async fn seen(&self) -> Result<Found, Failure> {
        Ok(self.falkordb.look(&self.name, &self.tenant.tenant_id.to_string()).await?)
    }

    /// Looks at the user.
    pub async fn rights(&self) -> Result<Rights, Failure> {
        Ok(self.falkordb.rights(&self.name, &self.name, &self.password).await?)
    }
}
