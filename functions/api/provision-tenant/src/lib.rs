//! `POST /v1/admin/tenants`: writes a tenant's row and starts its run, or resumes a failed one.

mod decide;

use std::time::Duration;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, Problem, Request};
use domain::{CauseCode, ProvisionRequest, ProvisioningState, Region, Slug, TenantId};
use lambda_kit::{List, needs, settings};
use runs::{Care, CareError, Runs};
use serde::Serialize;
use store::{ControlDatabase, NewTenant, Resume, StoreError, Tenant};
use tracing::Span;
use utoipa::ToSchema;
use uuid::Uuid;

use decide::{Action, Corrections, decide};

/// The longest wait for a run's start. The row is committed, so the reconciler starts what takes longer.
const START_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time for looking after a run that is there already: a statement, two calls of Step Functions, a statement.
const CARE_TIMEOUT: Duration = Duration::from_secs(3);
/// Kept for what may follow: resuming the row of a run that ended, and starting its next attempt.
const RESUMED_AND_STARTED: Duration = Duration::from_millis(1500);
/// Recording why a run could not be started. Without the record the reconciler notices by itself after a minute.
const HELD_UP_TIMEOUT: Duration = Duration::from_millis(500);
/// Writing the answer.
const ANSWER: Duration = Duration::from_millis(100);
/// How often the row is looked at again because others change it meanwhile.
const ROUNDS: usize = 4;

settings! {
    /// What this installation offers.
    struct Offer {
        /// Regions in which tenants can be created.
        regions: List<Region> = "CONFIGURED_REGIONS",
        /// Slugs that no tenant can have.
        reserved_slugs: List<String> = "RESERVED_SLUGS" or "",
    }
}

needs! {
    /// Creates a tenant, or resumes it.
    pub struct ProvisionTenant {
        store: ControlDatabase,
        runs: Runs,
        offer: Offer,
    }
}

/// What a tenant about to be made is answered with.
#[derive(Serialize, ToSchema)]
pub struct Accepted<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    /// Always `provisioning`.
    provisioning_state: ProvisioningState,
    /// Path of the status route, below the host.
    poll_url: &'a str,
}

impl Handler for ProvisionTenant {
    const ROUTE: Route = routes::PROVISION_TENANT;
    type Input = Json;

    async fn handle(&self, request: &Request, body: Json, budget: Budget) -> Result<Answer, Problem> {
        // A request that is refused is about a tenant too.
        Span::current().record("slug", ProvisionRequest::slug_in(&body.0).as_ref().map(Slug::as_str));
        let asked = self.read(&body).await?;
        let mut unanswered = false;
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&asked.slug).await?;
            let written = match decide(tenant.as_ref(), &asked, &self.offer.regions, unanswered) {
                Action::Refuse(refusal) => return Err(refusal.into()),
                Action::Create => self.create(&asked, request).await?,
                Action::Resume(tenant, corrections) => self.resume(tenant, corrections, &asked, request).await?,
                Action::Start(tenant) => {
                    self.start(tenant, budget).await;
                    return Ok(accepted(tenant));
                }
                Action::LookAfter(tenant) => match self.look_after(tenant, request, budget).await? {
                    Care::Failed => Written::Overtaken,
                    Care::Nothing | Care::Started => return Ok(accepted(tenant)),
                },
            };
            match written {
                Written::Row(tenant) => {
                    self.start(&tenant, budget).await;
                    return Ok(accepted(&tenant));
                }
                Written::Unanswered => unanswered = true,
                Written::Overtaken => {}
            }
        }
        Err(Problem::unavailable())
    }
}

/// What is known of a write.
enum Written {
    /// It is committed, and this is the row.
    Row(Box<Tenant>),
    /// Somebody else was faster. The row has to be looked at again.
    Overtaken,
    /// It may be committed. The row has to be looked at again.
    Unanswered,
}

impl Written {
    fn of(outcome: Result<Option<Tenant>, StoreError>) -> Result<Self, Problem> {
        match outcome {
            Ok(Some(tenant)) => Ok(Self::Row(Box::new(tenant))),
            Ok(None) => Ok(Self::Overtaken),
            Err(StoreError::Unavailable | StoreError::Timeout) => Ok(Self::Unanswered),
            Err(error) => Err(error.into()),
        }
    }
}

impl ProvisionTenant {
    /// Reads the request. A slug that no new tenant gets is fine for the tenant that has it.
    async fn read(&self, Json(body): &Json) -> Result<ProvisionRequest, Problem> {
        let reserved = &self.offer.reserved_slugs;
        let old = match ProvisionRequest::slug_of_old(body, reserved) {
            Some(slug) => self.store.tenant_by_slug(&slug).await?.is_some(),
            None => false,
        };
        Ok(if old { ProvisionRequest::parse_for_old(body) } else { ProvisionRequest::parse(body, reserved) }?)
    }

    async fn create(&self, asked: &ProvisionRequest, request: &Request) -> Result<Written, Problem> {
        let new = NewTenant {
            tenant_id: TenantId(Uuid::now_v7()),
            request: asked,
            correlation_id: &request.correlation_id,
            author: request.author(),
        };
        Written::of(self.store.insert_tenant(new).await)
    }

    /// failed → provisioning with the next attempt.
    async fn resume(
        &self,
        tenant: &Tenant,
        corrections: Corrections,
        asked: &ProvisionRequest,
        request: &Request,
    ) -> Result<Written, Problem> {
        if corrections.any()
            && let Some(refusal) = corrections.too_late(self.store.begun_effects(tenant.tenant_id).await?)
        {
            return Err(refusal.into());
        }
        let resume = Resume {
            tenant,
            display_name: &asked.display_name,
            tier: asked.tier.unwrap_or(tenant.tier),
            admin_email: &asked.admin_email,
            correlation_id: &request.correlation_id,
            author: request.author(),
        };
        Written::of(self.store.resume_tenant(resume).await)
    }

    /// Starts the run. The row is committed, so the answer is 202 whatever happens here: the reconciler starts what could
    /// not be started.
    async fn start(&self, tenant: &Tenant, budget: Budget) {
        let (tenant_id, attempt) = (tenant.tenant_id, tenant.attempt);
        let part = budget.keeping(HELD_UP_TIMEOUT + ANSWER).at_most(START_TIMEOUT);
        let started = part.spend(self.runs.start(tenant)).await;
        let Err(failure) = started.unwrap_or_else(|| Err(CauseCode::ExecutionsUnavailable.into())) else { return };
        lambda_kit::trouble!(failure, %tenant_id, attempt, "the run could not be started; it is left to the reconciler");
        let cause = failure.cause();
        let _ = budget.at_most(HELD_UP_TIMEOUT).spend(self.store.hold_up_run(tenant_id, attempt, &cause, true)).await;
    }

    /// Looks after a run that shows no sign of life. Trouble with it does not refuse the request, since the reconciler looks
    /// after the run as well.
    async fn look_after(&self, tenant: &Tenant, request: &Request, budget: Budget) -> Result<Care, Problem> {
        let care = runs::look_after(&self.store, &self.runs, tenant, &request.request_id);
        match budget.keeping(RESUMED_AND_STARTED).at_most(CARE_TIMEOUT).spend(care).await {
            Some(Ok(care)) => Ok(care),
            Some(Err(CareError::Store(error))) => Err(error.into()),
            Some(Err(CareError::Executions(failure))) => {
                tracing::warn!(code = failure.code().as_str(), "a run could not be looked after");
                Ok(Care::Nothing)
            }
            None => {
                tracing::warn!("a run could not be looked after in time");
                Ok(Care::Nothing)
            }
        }
    }
}

fn accepted(tenant: &Tenant) -> Answer {
    let poll_url = format!("/v1/admin/tenants/{}/status", tenant.slug);
    let body = Accepted {
        tenant_id: tenant.tenant_id,
        slug: &tenant.slug,
        provisioning_state: ProvisioningState::Provisioning,
        poll_url: &poll_url,
    };
    Answer::accepted(&poll_url, &body).with_header("retry-after", "5".to_owned())
}
