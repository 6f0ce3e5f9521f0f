//! `POST /v1/admin/tenants/{slug}/purge/approval`: another consumer agrees to a purge, which begins. Whoever asked for it cannot, with
//! whichever key. Sent again, because its answer was lost, it finds the purge that it began.

use api_kit::records::{AcceptedAs, AcceptedPurge};
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, Preconditions, Problem, Request, SlugInPath};
use domain::{ProvisioningState, PurgeApproval, PurgeState, same_somebody};
use lambda_kit::needs;
use runs::Purges;
use store::{ControlDatabase, StoreError};

/// How often the row is looked at again because others change it meanwhile.
const ROUNDS: usize = 4;

needs! {
    /// Approves a purge.
    pub struct ApprovePurge {
        store: ControlDatabase,
        purges: Purges,
    }
}

impl Handler for ApprovePurge {
    const ROUTE: Route = routes::APPROVE_PURGE;
    type Input = (SlugInPath, Json, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Json(body), Preconditions(conditions)): (SlugInPath, Json, Preconditions),
        budget: Budget,
    ) -> Result<Answer, Problem> {
        let PurgeApproval = PurgeApproval::parse(&body, &slug)?;
        let author = request.author();
        // What is asked for meanwhile, perhaps with other policies, is not what the caller agrees to.
        let mut approved = None;
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
            if tenant.state != ProvisioningState::Deprovisioned {
                return Err(Problem::tenant_not_deprovisioned(
                    "The tenant is not deprovisioned, so nothing of it is purged.",
                ));
            }
            let known = self.store.purge_and_step(tenant.tenant_id).await?;
            let (purge, step) = known.ok_or_else(Problem::purge_not_waiting)?;
            let approved_before = purge.approved_by.as_deref().is_some_and(|by| same_somebody(by, author.actor));
            match purge.state {
                PurgeState::Done => return Err(Problem::tenant_purged()),
                // What was approved before is approved, whatever version the caller had in mind (RFC 9110, 13.1.1).
                PurgeState::Running if approved_before => {
                    runs::start(&self.store, &self.purges.of(&purge), budget).await;
                    return Ok(AcceptedPurge::answer(&purge, step, AcceptedAs::Found));
                }
                PurgeState::Running | PurgeState::Failed | PurgeState::Withdrawn => {
                    return Err(Problem::purge_not_waiting());
                }
                PurgeState::WaitingApproval => {}
            }
            if tenant.hold.is_some() {
                return Err(Problem::tenant_held());
            }
            if same_somebody(&purge.requested_by, author.actor) {
                return Err(Problem::same_consumer());
            }
            let is_another = *approved.get_or_insert(purge.attempt) != purge.attempt;
            if is_another || !conditions.allow(Some(tenant.version)) {
                return Err(Problem::version_mismatch());
            }
            match self.store.approve_purge(&tenant, &request.correlation_id, author).await {
                Ok(Some(purge)) => {
                    runs::start(&self.store, &self.purges.of(&purge), budget).await;
                    return Ok(AcceptedPurge::answer(&purge, step, AcceptedAs::Started));
                }
                // Somebody changed the row, or the write got no answer: the next look says which.
                Ok(None) | Err(StoreError::Unavailable | StoreError::Timeout) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Problem::unavailable())
    }
}
