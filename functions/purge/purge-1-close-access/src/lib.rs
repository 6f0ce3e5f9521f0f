//! Step 1 of a purge: nobody gets in any more. Cache, keys, graph user and search alias. Until the next step begins, a restore
//! brings all of it back.

use std::time::Duration;

use domain::{Failure, PurgeStep, PurgedKind, names};
use falkordb::{FalkorDb, Found, OPERATION_LIMIT};
use lambda_kit::{Read, needs};
use purge_kit::{Outcome, PurgeLease, Thing, Work};
use region_search::RegionAliases;
use secrets::RegionSecret;
use supabase_project::ProjectRemoval;
use tenant_cache::{CacheEntries, CacheSettings, TenantCache};

/// A connection and a few `UNLINK`s.
const UNLINK: Duration = Duration::from_secs(5);
/// A handful of calls, which take about a second each.
const REVOKE: Duration = Duration::from_secs(20);
/// Look, change, look again.
const ALIAS: Duration = Duration::from_secs(10);

needs! {
    /// Closes all ways in.
    pub struct CloseAccess {
        cache: TenantCache,
        keys: CacheSettings,
        project: ProjectRemoval,
        regions: Read<RegionSecret>,
        search: RegionAliases,
    }
}

impl Work for CloseAccess {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::CloseAccess;

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        self.take_alias(lease).await?;
        self.switch_off(lease).await?;
        self.revoke(lease).await?;
        // Last: what the middleware asks for from now on, it is refused.
        self.empty_cache(lease).await?;
        Ok(Outcome::DONE)
    }
}

impl CloseAccess {
    async fn empty_cache(&self, lease: &PurgeLease<'_>) -> Result<(), Failure> {
        let entries = self.keys.entries(lease.tenant());
        lease.fence(UNLINK).await?;
        self.cache.remove(&entries).await?;
        for key in entries.keys {
            let entry = Thing::of(lease, PurgedKind::CacheEntries, key.clone());
            if !self.cache.has_none(&CacheEntries { keys: vec![key] }).await? {
                return Err(entry.still_there("The cache entry"));
            }
            entry.gone("no such key").await?;
        }
        Ok(())
    }

    async fn revoke(&self, lease: &PurgeLease<'_>) -> Result<(), Failure> {
        for project in self.project.projects(lease).await? {
            if self.project.close(lease, &project, REVOKE).await? {
                Thing::of(lease, PurgedKind::ApiKeys, project.as_str()).gone("no API keys").await?;
            }
        }
        Ok(())
    }

    /// The user itself is deleted with the graph, once nothing can be undone any more.
    async fn switch_off(&self, lease: &PurgeLease<'_>) -> Result<(), Failure> {
        let graph = names::graph(&lease.purge().slug);
        let region = self.regions.read_of(lease.tenant().region).await?.falkordb;
        let falkordb = FalkorDb::connect(&region.url, region.ca_pem.as_deref()).await?;
        match falkordb.look_for_user(&graph, &graph).await? {
            Found::Foreign | Found::Unmarked => {
                Err(Thing::of(lease, PurgedKind::GraphUser, graph).foreign("The graph user"))
            }
            Found::Ours => {
                lease.fence(OPERATION_LIMIT).await?;
                falkordb.switch_off(&graph).await?;
                Ok(())
            }
            Found::Nothing => Ok(()),
        }
    }

    async fn take_alias(&self, lease: &PurgeLease<'_>) -> Result<(), Failure> {
        let (index, alias) = (names::search_index(&lease.purge().slug), names::search_alias(&lease.purge().slug));
        let (opensearch, spec) = (self.search.of(lease.tenant().region).await?, self.search.spec(&index, &alias));
        let thing = Thing::of(lease, PurgedKind::SearchAlias, &alias);
        match opensearch.whose(&spec).await? {
            opensearch::Found::Foreign(_) => {
                return Err(thing.foreign("What has the name of the search index or of its alias"));
            }
            opensearch::Found::Ours => {
                lease.fence(ALIAS).await?;
                opensearch.take_alias(&spec).await?;
            }
            opensearch::Found::Nothing => {}
        }
        if opensearch.has_alias(&alias).await? {
            return Err(thing.still_there("The search alias"));
        }
        thing.gone("no such alias").await
    }
}
