//! The user of a tenant's graph. Step 6 and a repair give it exactly its rights, and a check looks whether it has them.
//!
//! After the tenant was deprovisioned it is switched off. `DELETE` promises that in its own statement and does it at once if it
//! can; the reconciler does what is left. A tenant that was brought back meanwhile keeps its user. Step 6 gives a user everything
//! again.

#![warn(missing_docs)]

mod access;

use std::time::Duration;

use domain::{CauseCode, Failure, TenantId};
use falkordb::FalkorDb;
use lambda_kit::{Budget, Read, needs};
use secrets::RegionSecret;
use serde_json::json;
use store::{Duty, Lease, OpenDuty, ResourceKind, Store, StoreError};

pub use access::{GraphAccess, TenantGraph};
pub use falkordb::{Found, Rights};

/// How many promises one pass of the reconciler keeps. The others are due again in the next one.
const ROWS: i64 = 20;
/// How long one user may take. A region's server that hangs must not keep the other regions' users on.
const PER_USER: Duration = Duration::from_secs(3);
const DUTY: Duty = Duty::SwitchOffGraphUser;

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
            match store.duty_of(DUTY, tenant_id).await? {
                Some(open) => self.keep(store, open, token, budget).await,
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
        for open in store.duties_due(DUTY, ROWS).await? {
            if budget.left() < PER_USER {
                break;
            }
            kept += usize::from(self.keep(store, open, token, budget).await?);
        }
        Ok(kept)
    }

    async fn keep(&self, store: &Store, open: OpenDuty, token: &str, budget: Budget) -> Result<bool, StoreError> {
        let budget = budget.at_most(PER_USER);
        let switch_off =
            async |lease: &Lease<'_>| Ok(self.switch_off(lease, budget).await?.map(|user| json!({ "user": user })));
        store.keep(open, token, budget, CauseCode::FalkorDbTimeout, switch_off).await
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
