//! Step 6: the tenant's private graph in its region, and a user who can reach that graph and nothing else.

use std::time::Duration;

use domain::{Failure, Step};
use graph_users::GraphAccess;
use lambda_kit::needs;
use step_kit::{Effect, Lease, Outcome, Work};
use store::{Intent, ResourceKind};

/// A handful of commands of at most five seconds each, five of them for the constraint.
const GRAPH_TIMEOUT: Duration = Duration::from_secs(15);

needs! {
    /// Creates the tenant's graph.
    pub struct CreateGraph {
        graphs: GraphAccess,
    }
}

impl Work for CreateGraph {
    const STEP: Step = Step::CreateGraph;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let graph = self.graphs.of(lease.tenant()).await?;
        let resource = lease.intend_once(Intent::named(ResourceKind::Graph, graph.name(), GRAPH_TIMEOUT)).await?;
        graph.create().await?;
        graph.grant().await?;
        lease.confirm(&resource, graph.name()).await?;
        let falkordb_graph_name = Some(graph.name().to_owned());
        Ok(Outcome::Completed(Effect { falkordb_graph_name, ..Effect::NONE }))
    }
}
