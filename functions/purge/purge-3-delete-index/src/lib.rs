//! Step 3 of a purge: the search index with its data.

use std::time::Duration;

use domain::{Failure, PurgeStep, PurgedKind, names};
use lambda_kit::needs;
use opensearch::Found;
use purge_kit::{Outcome, PurgeLease, Thing, Work};
use region_search::RegionIndices;
use store::ResourceKind;

/// Delete, look again.
const DELETION: Duration = Duration::from_secs(10);

needs! {
    /// Deletes the tenant's search index.
    pub struct DeleteIndex {
        search: RegionIndices,
    }
}

impl Work for DeleteIndex {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::DeleteIndex;

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        let (index, alias) = (names::search_index(&lease.purge().slug), names::search_alias(&lease.purge().slug));
        let (opensearch, spec) = (self.search.of(lease.tenant().region).await?, self.search.spec(&index, &alias));
        let row = lease.resource(ResourceKind::SearchIndex).await?;
        let thing = Thing::of(lease, PurgedKind::SearchIndex, &index).in_ledger(row.map(|row| row.id));
        match opensearch.whose(&spec).await? {
            Found::Foreign(_) => return Err(thing.foreign("What has the name of the search index or of its alias,")),
            Found::Ours => {
                lease.fence(DELETION).await?;
                opensearch.delete_index(&index).await?;
            }
            Found::Nothing => {}
        }
        if opensearch.whose(&spec).await? != Found::Nothing {
            return Err(thing.still_there("The search index"));
        }
        thing.gone("no such index").await?;
        Ok(Outcome::DONE)
    }
}
