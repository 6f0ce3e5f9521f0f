//! Step 6: the tenant's private graph in its region, and a user who can reach that graph and nothing else.

use std::time::Duration;

use domain::{Failure, Step, names};
use falkordb::{FalkorDb, GraphSpec};
use lambda_kit::{Read, Write, needs};
use secrecy::SecretString;
use secrets::{RegionSecret, TenantSecret, new_password};
use step_kit::{Effect, Lease, Outcome, Work};
use store::{Intent, Resource, ResourceKind};

/// A handful of commands of at most five seconds each, five of them for the constraint.
const GRAPH_TIMEOUT: Duration = Duration::from_secs(15);
/// One write of a secret.
const PUT_TIMEOUT: Duration = Duration::from_secs(5);

needs! {
    /// Creates the tenant's graph.
    pub struct CreateGraph {
        regions: Read<RegionSecret>,
        tenants: Read<TenantSecret>,
        writer: Write<TenantSecret>,
    }
}

impl CreateGraph {
    /// The password of the graph's user. A tenant that is brought back gets a new one, once for each restore: it is in the
    /// tenant's secret before the ledger says so, and the user has it afterwards.
    async fn password(&self, lease: &Lease<'_>, graph: &Resource) -> Result<SecretString, Failure> {
        let tenant = lease.tenant();
        let secret = self.tenants.read_of(tenant.tenant_id).await?;
        let Some(mark) = tenant.restore_mark().filter(|mark| graph.request.as_ref() != Some(mark)) else {
            return Ok(secret.graph_pass);
        };
        let password = new_password();
        lease.fence(PUT_TIMEOUT).await?;
        self.writer.put(tenant.tenant_id, &TenantSecret { graph_pass: password.clone(), ..secret }).await?;
        lease.confirm(graph, &graph.name).await?;
        lease.resource_is(graph, &mark).await?;
        lease.fence(GRAPH_TIMEOUT).await.map(|()| password)
    }
}

impl Work for CreateGraph {
    const STEP: Step = Step::CreateGraph;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let tenant = lease.tenant();
        let region = self.regions.read_of(tenant.region).await?;
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
        let password = self.password(lease, &resource).await?;
        falkordb.grant(&graph, &graph, &password).await?;
        lease.confirm(&resource, &graph).await?;
        Ok(Outcome::Completed(Effect { falkordb_graph_name: Some(graph), ..Effect::NONE }))
    }
}
