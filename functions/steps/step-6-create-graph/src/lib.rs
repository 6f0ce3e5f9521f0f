//! Step 6: the tenant's private graph in its region, and a user who can reach that graph and nothing else.

use std::time::Duration;

use domain::{Failure, Step, names};
use falkordb::{FalkorDb, GraphSpec};
use lambda_kit::{Read, needs};
use secrets::{RegionSecret, TenantSecret};
use step_kit::{Effect, Lease, Outcome, Work};
use store::{Intent, ResourceKind};

/// A handful of commands of at most five seconds each, five of them for the constraint.
const GRAPH_TIMEOUT: Duration = Duration::from_secs(15);

needs! {
    /// Creates the tenant's graph.
    pub struct CreateGraph {
        regions: Read<RegionSecret>,
        tenants: Read<TenantSecret>,
    }
}

impl Work for CreateGraph {
    const STEP: Step = Step::CreateGraph;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let tenant = lease.tenant();
        let region = self.regions.read_of(tenant.region).await?;
        let password = self.tenants.read_of(tenant.tenant_id).await?.graph_pass;
        let falkordb = FalkorDb::connect(&region.falkordb.url, region.falkordb.ca_pem.as_deref()).await?;
        let graph = names::graph(&tenant.slug);
        let resource = lease.intend_once(Intent::named(ResourceKind::Graph, &graph, GRAPH_TIMEOUT)).await?;
        let tenant_id = tenant.tenant_id.to_string();
        let spec = GraphSpec {
            graph: &graph,
            tenant_id: &tenant_id,
            slug: tenant.slug.as_str(),
            display_name: tenant.display_name.as_str(),
        };
        falkordb.create_graph(&spec).await?;
        falkordb.grant(&graph, &graph, &password).await?;
        lease.confirm(&resource, &graph).await?;
        Ok(Outcome::Completed(Effect { falkordb_graph_name: Some(graph), ..Effect::NONE }))
    }
}
