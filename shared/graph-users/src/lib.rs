//! The user of a tenant's graph, after the tenant was deprovisioned: it is switched off. `DELETE` promises that in its own
//! statement and does it at once if it can; the reconciler does what is left.
//!
//! A promise is kept under the tenant's lease, which is given for a deprovisioned tenant only. A tenant that was brought back
//! meanwhile keeps its user, and none can be brought back before the user is off or the lease has ended. Step 6 gives a user
//! everything again.

#![warn(missing_docs)]

use std::time::Duration;

use domain::{CauseCode, Failure, TenantId};
use falkordb::FalkorDb;
use lambda_kit::{Budget, Read, needs};
use secrets::RegionSecret;
use store::{Lease, NotLeased, OpenPromise, ResourceKind, Store, StoreError};

/// How many promises one pass of the reconciler keeps. The others are due again in the next one.
const ROWS: i64 = 20;
/// How long one user may take. A region's server that hangs must not keep the other regions' users on.
const PER_USER: Duration = Duration::from_secs(3);
/// What the lease lasts longer than the calls that it is for.
const MARGIN: Duration = Duration::from_millis(250);

needs! {
    /// The users of graphs.
    pub struct GraphUsers {
        regions: Read<RegionSecret>,
    }
}

impl GraphUsers {
    /// Switches off the user of a tenant that was deprovisioned just now, if that can be done now. `token` is the
    /// invocation's request id.
    pub async fn switch_off_now(&self, store: &Store, tenant_id: TenantId, token: &str, budget: Budget) {
        let switched_off = async {
            match store.graph_user_on(tenant_id).await? {
                Some(promise) => self.keep(store, promise, token, budget).await,
                None => Ok(true),
            }
        };
        match switched_off.await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(%tenant_id, "the graph user is left to the reconciler"),
            Err(error) => tracing::warn!(%tenant_id, %error, "the graph user is left to the reconciler"),
        }
    }

    /// Keeps promises that are due. Returns how many were kept.
    pub async fn switch_off_due(&self, store: &Store, token: &str, budget: Budget) -> Result<usize, StoreError> {
        let mut kept = 0;
        for promise in store.graph_users_due(ROWS).await? {
            if budget.left() < PER_USER {
                break;
            }
            kept += usize::from(self.keep(store, promise, token, budget).await?);
        }
        Ok(kept)
    }

    /// Whether the promise is kept now. If not, it is still open.
    async fn keep(&self, store: &Store, promise: OpenPromise, token: &str, budget: Budget) -> Result<bool, StoreError> {
        let budget = budget.at_most(PER_USER);
        let lease = match store.lease_for_graph_user(promise.tenant_id, token, budget.left() + MARGIN).await {
            Ok(lease) => lease,
            // A step that was fenced off may still be making the user, or somebody is settling the tenant's billing.
            Err(NotLeased::Busy) => return Ok(false),
            Err(NotLeased::State(_) | NotLeased::Unknown) => {
                tracing::info!(tenant_id = %promise.tenant_id, "the tenant was brought back and keeps its graph user");
                store.outbox_delivered(promise.id).await?;
                return Ok(true);
            }
            Err(NotLeased::Store(error)) => return Err(error),
        };
        // Boxed, because what is awaited for FalkorDB is nested deep.
        let outcome = budget.spend(Box::pin(self.switch_off(&lease, budget))).await;
        match outcome.unwrap_or_else(|| Err(CauseCode::FalkorDbTimeout.into())) {
            Ok(user) => lease.graph_user_off(promise, user.as_deref()).await,
            Err(failure) => {
                let code = failure.code().as_str();
                tracing::warn!(tenant_id = %promise.tenant_id, code, "the graph user is still on");
                store.outbox_postponed(promise.id, code).await?;
                lease.release().await?;
                Ok(false)
            }
        }
    }

    /// The user that is off now, if the tenant has one.
    async fn switch_off(&self, lease: &Lease<'_>, budget: Budget) -> Result<Option<String>, Failure> {
        let Some(graph) = lease.resource(ResourceKind::Graph).await? else { return Ok(None) };
        let region = self.regions.read_of(lease.tenant().region).await?.falkordb;
        let falkordb = FalkorDb::connect(&region.url, region.ca_pem.as_deref()).await?;
        lease.fence(budget.left()).await?;
        // Step 6 names the user like the graph.
        Ok(falkordb.switch_off(&graph.name).await?.then_some(graph.name))
    }
}
