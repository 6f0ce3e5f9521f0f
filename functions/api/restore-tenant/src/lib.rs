//! `POST /v1/admin/tenants/{slug}/restore`: brings a deprovisioned tenant back. Its next attempt begins at step 1, and each step
//! adopts what is there. Sent again, because its answer was lost, it finds the run that it began.

use std::time::Duration;

use api_kit::records::Accepted;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Preconditions, Problem, Request, SlugInPath};
use domain::{ProvisioningState, PurgeState};
use lambda_kit::needs;
use runs::{Care, Runs};
use store::{ControlDatabase, StoreError, Tenant};

/// How often the row is looked at again because others change it meanwhile, or hold the tenant's lease.
const ROUNDS: usize = 6;
/// How long to wait before that.
const PAUSE: Duration = Duration::from_millis(200);

needs! {
    /// Restores a deprovisioned tenant.
    pub struct RestoreTenant {
        store: ControlDatabase,
        runs: Runs,
    }
}

impl Handler for RestoreTenant {
    const ROUTE: Route = routes::RESTORE_TENANT;
    type Input = (SlugInPath, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Preconditions(conditions)): (SlugInPath, Preconditions),
        budget: Budget,
    ) -> Result<Answer, Problem> {
        // Whether a write got no answer, so that the attempt may be this request's own.
        let mut unanswered = false;
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
            match tenant.state {
                ProvisioningState::Deprovisioned => {}
                ProvisioningState::Provisioning if unanswered => return Ok(self.start(&tenant, budget).await),
                // What was begun before is begun, whatever version the caller had in mind (RFC 9110, 13.1.1).
                ProvisioningState::Provisioning if tenant.restored_at.is_some() => {
                    match runs::attend(&self.store, &self.runs.of(&tenant), &request.request_id, budget).await? {
                        Care::Failed => continue,
                        Care::Nothing | Care::Started => return Ok(Accepted::found(&tenant, &[])),
                    }
                }
                other => return Err(refusal(other)),
            }
            match self.store.purge(tenant.tenant_id).await? {
                Some(purge) if purge.state == PurgeState::Done => return Err(Problem::tenant_purged()),
                Some(purge) if purge.state == PurgeState::Running || purge.no_return_at.is_some() => {
                    return Err(Problem::purge_in_progress());
                }
                // One that lost nothing yet is withdrawn by the restore.
                Some(_) | None => {}
            }
            if tenant.hold.is_some() {
                return Err(Problem::tenant_held());
            }
            if !conditions.allow(Some(tenant.version)) {
                return Err(Problem::version_mismatch());
            }
            match self.store.restore_tenant(&tenant, &request.correlation_id, request.author()).await {
                Ok(Some(tenant)) => return Ok(self.start(&tenant, budget).await),
                // Somebody changed the row, takes its domain at the same time, or ends what a DELETE left to be done.
                Ok(None) | Err(StoreError::Taken { .. }) => tokio::time::sleep(PAUSE).await,
                Err(StoreError::Unavailable | StoreError::Timeout) => unanswered = true,
                Err(error) => return Err(error.into()),
            }
        }
        Err(if unanswered { Problem::unavailable() } else { Problem::operation_in_progress() })
    }
}

impl RestoreTenant {
    async fn start(&self, tenant: &Tenant, budget: Budget) -> Answer {
        runs::start(&self.store, &self.runs.of(tenant), budget).await;
        Accepted::restored(tenant)
    }
}

/// Why a tenant in this state cannot be restored.
fn refusal(state: ProvisioningState) -> Problem {
    Problem::tenant_not_deprovisioned(match state {
        ProvisioningState::Active => "The tenant is active, so there is nothing to restore.",
        ProvisioningState::Failed => "The tenant failed; POST /v1/admin/tenants/{slug}/retry goes on with it.",
        ProvisioningState::Provisioning | ProvisioningState::Deprovisioned => {
            "The tenant is being provisioned, so there is nothing to restore."
        }
    })
}
