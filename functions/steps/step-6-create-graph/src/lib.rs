//! Step 6: the tenant's private graph in its region, and a user who can reach that graph and nothing else.

use std::time::Duration;

use domain::{Failure, Step, names};
use graph_users::GraphAccess;
use lambda_kit::{Read, Write, needs};
use secrecy::SecretString;
use secrets::{TenantSecret, new_password};
use step_kit::{Effect, Lease, Outcome, Work};
use store::{Intent, Resource, ResourceKind};

/// A handful of commands of at most five seconds each, five of them for the constraint.
const GRAPH_TIMEOUT: Duration = Duration::from_secs(15);
/// One write of a secret.
const PUT_TIMEOUT: Duration = Duration::from_secs(5);

needs! {
    /// Creates the tenant's graph.
    pub struct CreateGraph {
        graphs: GraphAccess,
        tenants: Read<TenantSecret>,
        writer: Write<TenantSecret>,
    }
}

impl CreateGraph {
    /// A new password for the user of a graph whose tenant is brought back, once for each restore: it is in the tenant's secret
    /// before the ledger says so, and the user has it afterwards.
    async fn new_password(&self, lease: &Lease<'_>, graph: &Resource) -> Result<Option<SecretString>, Failure> {
        let tenant = lease.tenant();
        let Some(mark) = tenant.restore_mark().filter(|mark| graph.request.as_ref() != Some(mark)) else {
            return Ok(None);
        };
        let secret = self.tenants.read_of(tenant.tenant_id).await?;
        let password = new_password();
        lease.fence(PUT_TIMEOUT).await?;
        self.writer.put(tenant.tenant_id, &TenantSecret { graph_pass: password.clone(), ..secret }).await?;
        lease.confirm(graph, &graph.name).await?;
        lease.resource_is(graph, &mark).await?;
        lease.fence(GRAPH_TIMEOUT).await.map(|()| Some(password))
    }
}

impl Work for CreateGraph {
    type Step = Step;
    const STEP: Step = Step::CreateGraph;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let tenant = lease.tenant();
        let name = names::graph(&tenant.slug);
        let resource = lease.intend_once(Intent::named(ResourceKind::Graph, &name, GRAPH_TIMEOUT)).await?;
        let mut graph = self.graphs.of(tenant).await?;
        graph.create().await?;
        if let Some(password) = self.new_password(lease, &resource).await? {
            graph = graph.with_password(password);
        }
        graph.grant().await?;
        lease.confirm(&resource, &name).await?;
        Ok(Outcome::Completed(Effect { falkordb_graph_name: Some(name), ..Effect::NONE }))
    }
}
