//! Step 4 of a purge: the graph with its data, then its user.

use domain::{Failure, PurgeStep, PurgedKind, names};
use falkordb::{FalkorDb, Found, OPERATION_LIMIT};
use lambda_kit::{Read, needs};
use purge_kit::{Outcome, PurgeLease, Thing, Work};
use secrets::RegionSecret;
use store::ResourceKind;

needs! {
    /// Deletes the tenant's graph and its user.
    pub struct DeleteGraph {
        regions: Read<RegionSecret>,
    }
}

impl Work for DeleteGraph {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::DeleteGraph;

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        let region = self.regions.read_of(lease.tenant().region).await?.falkordb;
        let falkordb = FalkorDb::connect(&region.url, region.ca_pem.as_deref()).await?;
        delete_graph(lease, &falkordb).await?;
        delete_user(lease, &falkordb).await?;
        Ok(Outcome::DONE)
    }
}

async fn delete_graph(lease: &PurgeLease<'_>, falkordb: &FalkorDb) -> Result<(), Failure> {
    let (graph, tenant_id) = (names::graph(&lease.purge().slug), lease.tenant().tenant_id.to_string());
    let row = lease.resource(ResourceKind::Graph).await?;
    let thing = Thing::of(lease, PurgedKind::Graph, &graph).in_ledger(row.map(|row| row.id));
    match falkordb.look(&graph, &tenant_id).await? {
        Found::Foreign | Found::Unmarked => return Err(thing.foreign("The graph")),
        Found::Ours => {
            lease.fence(OPERATION_LIMIT).await?;
            falkordb.delete_graph(&graph).await?;
        }
        Found::Nothing => {}
    }
    if falkordb.look(&graph, &tenant_id).await? != Found::Nothing {
        return Err(thing.still_there("The graph"));
    }
    thing.gone("no such graph").await
}

/// It is named like the graph.
async fn delete_user(lease: &PurgeLease<'_>, falkordb: &FalkorDb) -> Result<(), Failure> {
    let user = names::graph(&lease.purge().slug);
    let thing = Thing::of(lease, PurgedKind::GraphUser, &user);
    match falkordb.look_for_user(&user, &user).await? {
        Found::Foreign | Found::Unmarked => return Err(thing.foreign("The graph user")),
        Found::Ours => {
            lease.fence(OPERATION_LIMIT).await?;
            falkordb.delete_user(&user).await?;
        }
        Found::Nothing => {}
    }
    if falkordb.look_for_user(&user, &user).await? != Found::Nothing {
        return Err(thing.still_there("The graph user"));
    }
    thing.gone("no such user").await
}
