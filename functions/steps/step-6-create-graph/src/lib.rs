//! Step 6: the tenant's private graph in its region, and a user who can reach that graph and nothing else.

use domain::{Failure, Step, names};
use falkordb::{FalkorDb, GraphSpec};
use secrecy::SecretString;
use secrets::{Name, Secrets};
use serde::Deserialize;
use std::time::Duration;
use step_kit::{Outcome, Platform, Run, StepError, Work};
use store::{Intent, ResourceKind};

/// A handful of commands of at most five seconds each, five of them for the constraint.
const GRAPH_TIMEOUT: Duration = Duration::from_secs(15);

/// The step.
pub struct CreateGraph {
    secrets: Secrets,
}

/// What this step reads of the secret `regions/{region}`.
#[derive(Deserialize)]
struct RegionSecret {
    falkordb: FalkorDbAccess,
}

#[derive(Deserialize)]
struct FalkorDbAccess {
    url: SecretString,
}

impl CreateGraph {
    /// Built from the secrets alone.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { secrets: platform.secrets.clone() })
    }
}

impl Work for CreateGraph {
    const STEP: Step = Step::CreateGraph;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let tenant = run.tenant();
        let region: RegionSecret = self.secrets.read(Name::Region(tenant.region)).await?;
        let password = run.tenant_secret().await?.graph_pass;
        let falkordb = FalkorDb::connect(&region.falkordb.url).await?;
        let graph = names::graph(&tenant.slug);
        let intent = Intent {
            kind: ResourceKind::Graph,
            name: &graph,
            request: None,
            idempotency_key: None,
            call: GRAPH_TIMEOUT,
        };
        let resource = run.intend_again(intent).await?;
        let tenant_id = tenant.tenant_id.to_string();
        let spec = GraphSpec {
            graph: &graph,
            tenant_id: &tenant_id,
            slug: tenant.slug.as_str(),
            display_name: tenant.display_name.as_str(),
        };
        falkordb.create_graph(&spec).await?;
        falkordb.grant(&graph, &graph, &password).await?;
        run.confirm(&resource, &graph, None).await?;
        Ok(Outcome::Graph { name: graph })
    }
}
