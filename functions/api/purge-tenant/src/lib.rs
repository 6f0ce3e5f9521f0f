//! `POST /v1/admin/tenants/{slug}/purge`: has a deprovisioned tenant deleted from every system, or goes on with a purge that failed.
//! Where another consumer has to agree, it only asks. Sent again, because its answer was lost, it finds the purge that it began.

use api_kit::records::{AcceptedAs, AcceptedPurge};
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, Moment, Preconditions, Problem, PurgeRules, Request, SlugInPath};
use domain::{ProvisioningState, PurgeReason, PurgeRequest, PurgeState, Retrieval};
use lambda_kit::needs;
use runs::{Care, Purges};
use store::{ControlDatabase, NewPurge, Purge, StoreError, Tenant};

/// How often the row is looked at again because others change it meanwhile.
const ROUNDS: usize = 4;

needs! {
    /// Purges a deprovisioned tenant.
    pub struct PurgeTenant {
        store: ControlDatabase,
        purges: Purges,
        rules: PurgeRules,
    }
}

impl Handler for PurgeTenant {
    const ROUTE: Route = routes::PURGE_TENANT;
    type Input = (SlugInPath, Json, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Json(body), Preconditions(conditions)): (SlugInPath, Json, Preconditions),
        budget: Budget,
    ) -> Result<Answer, Problem> {
        // Before the state: whoever confirms another tenant's name is at the wrong one, whatever state it is in.
        let asked = PurgeRequest::parse(&body, &slug)?;
        // Whether a write got no answer, so that the purge may be this request's own.
        let mut unanswered = false;
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
            if tenant.state != ProvisioningState::Deprovisioned {
                return Err(not_deprovisioned(tenant.state));
            }
            let known = self.store.purge_and_step(tenant.tenant_id).await?;
            if matches!(&known, Some((purge, _)) if purge.state == PurgeState::Done) {
                return Err(Problem::tenant_purged());
            }
            if tenant.hold.is_some() {
                return Err(Problem::tenant_held());
            }
            let (request_as, written) = match known {
                Some((purge, step)) if purge.state == PurgeState::Running => {
                    unchanged(&purge, &asked)?;
                    if unanswered {
                        return Ok(self.start(&purge, AcceptedAs::Started, budget).await);
                    }
                    match runs::attend(&self.store, &self.purges.of(&purge), &request.request_id, budget).await? {
                        Care::Failed => continue,
                        Care::Nothing | Care::Started => {
                            return Ok(AcceptedPurge::answer(&purge, step, AcceptedAs::Found));
                        }
                    }
                }
                // What was asked for before is asked for, whatever version the caller had in mind (RFC 9110, 13.1.1).
                Some((purge, step)) if purge.state == PurgeState::WaitingApproval && is_same(&purge, &asked) => {
                    return Ok(AcceptedPurge::answer(&purge, step, AcceptedAs::Found));
                }
                _ if !conditions.allow(Some(tenant.version)) => return Err(Problem::version_mismatch()),
                Some((purge, _)) if purge.state == PurgeState::Failed => {
                    unchanged(&purge, &asked)?;
                    let resumed = self.store.resume_purge(&tenant, &request.correlation_id, request.author());
                    (AcceptedAs::Resumed, resumed.await)
                }
                _ => (AcceptedAs::Started, self.begin(&tenant, &asked, request).await?),
            };
            match written {
                Ok(Some(purge)) => return Ok(self.start(&purge, request_as, budget).await),
                Ok(None) => {}
                Err(StoreError::Unavailable | StoreError::Timeout) => unanswered = true,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Problem::unavailable())
    }
}

impl PurgeTenant {
    /// Asks for the purge, if the tenant's retrieval period allows it.
    async fn begin(
        &self,
        tenant: &Tenant,
        asked: &PurgeRequest,
        request: &Request,
    ) -> Result<Result<Option<Purge>, StoreError>, Problem> {
        let retrieval = self.rules.retrieval(&self.store, tenant.tenant_id, tenant.tier).await?;
        // It was brought back since its row was read.
        let Some((_, retrieval)) = retrieval else { return Ok(Ok(None)) };
        match retrieval {
            Retrieval::Running { until } => return Err(Problem::retrieval_period(Moment(until), false)),
            Retrieval::Shortened { until } if asked.reason.is_none() => {
                return Err(Problem::retrieval_period(Moment(until), true));
            }
            Retrieval::Shortened { .. } | Retrieval::Over => {}
        }
        let new = NewPurge {
            tenant,
            policies: asked.policies,
            reason: asked.reason.as_ref(),
            retrieval_days: self.rules.retrieval_days,
            needs_approval: self.rules.needs_approval(retrieval),
            correlation_id: &request.correlation_id,
            author: request.author(),
        };
        Ok(self.store.request_purge(new).await)
    }

    async fn start(&self, purge: &Purge, request_as: AcceptedAs, budget: Budget) -> Answer {
        // Asked before the start, since the execution completes steps.
        let step = self.store.purge_and_step(purge.tenant_id).await.ok().flatten().and_then(|(_, step)| step);
        if purge.state == PurgeState::WaitingApproval {
            return AcceptedPurge::answer(purge, step, AcceptedAs::Asked);
        }
        runs::start(&self.store, &self.purges.of(purge), budget).await;
        AcceptedPurge::answer(purge, step, request_as)
    }
}

/// Whether the request asks for what was asked for before.
fn is_same(purge: &Purge, asked: &PurgeRequest) -> bool {
    purge.policies == asked.policies && purge.reason.as_deref() == asked.reason.as_ref().map(PurgeReason::as_str)
}

/// What is being deleted, or was, cannot be kept by a later request, nor the other way round.
fn unchanged(purge: &Purge, asked: &PurgeRequest) -> Result<(), Problem> {
    let why = "the purge has begun with another value";
    if purge.policies.customer != asked.policies.customer {
        return Err(Problem::immutable_field("customer", why));
    }
    if purge.policies.data != asked.policies.data {
        return Err(Problem::immutable_field("data", why));
    }
    Ok(())
}

/// Why a tenant in this state cannot be purged.
fn not_deprovisioned(state: ProvisioningState) -> Problem {
    Problem::tenant_not_deprovisioned(match state {
        ProvisioningState::Active => "The tenant is active. DELETE it first; its retrieval period begins then.",
        ProvisioningState::Failed => "The tenant failed. DELETE it first; its retrieval period begins then.",
        ProvisioningState::Provisioning | ProvisioningState::Deprovisioned => {
            "The tenant is being provisioned. DELETE it first; its retrieval period begins then."
        }
    })
}
