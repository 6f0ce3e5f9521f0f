//! `POST /v1/admin/tenants`: writes a tenant's row and starts its run, or resumes a failed one.

mod decide;

use api_kit::records::Accepted;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, Problem, Request};
use domain::{ProvisionRequest, Region, Slug, TenantId};
use lambda_kit::{List, needs, settings};
use runs::{Care, Runs};
use store::{ControlDatabase, NewTenant, Resume, StoreError, Tenant};
use tracing::Span;
use uuid::Uuid;

use decide::{Action, Corrections, Refusal, Used, decide};

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
                Action::Start(tenant) => return Ok(self.start(tenant, budget).await),
                Action::Join(tenant, corrections) => {
                    if let Some(answer) = self.join(tenant, corrections, &asked, request, budget).await? {
                        return Ok(answer);
                    }
                    Written::Overtaken
                }
            };
            match written {
                Written::Row(tenant) => return Ok(self.start(&tenant, budget).await),
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
        if let Some(used) = self.too_late(tenant, corrections).await?.first() {
            return Err(Refusal::TooLate(*used).into());
        }
        let resume = Resume {
            tenant,
            values: corrections.of(tenant, asked),
            correlation_id: &request.correlation_id,
            author: request.author(),
        };
        Written::of(self.store.resume_tenant(resume).await)
    }

    /// Looks after the tenant's run, after those corrections that are in time. `None`: the row has to be looked at again.
    async fn join(
        &self,
        tenant: &Tenant,
        corrections: Corrections,
        asked: &ProvisionRequest,
        request: &Request,
        budget: Budget,
    ) -> Result<Option<Answer>, Problem> {
        let late = self.too_late(tenant, corrections).await?;
        let in_time = corrections.without(&late);
        if in_time != Corrections::NONE {
            let corrected = self.store.correct_tenant(tenant, in_time.of(tenant, asked), request.author()).await;
            match Written::of(corrected)? {
                Written::Row(_) => {}
                Written::Overtaken | Written::Unanswered => return Ok(None),
            }
        }
        Ok(match runs::attend(&self.store, &self.runs.of(tenant), &request.request_id, budget).await? {
            Care::Failed => None,
            Care::Nothing | Care::Started => {
                let not_applied: Vec<_> = late.into_iter().map(Used::not_applied).collect();
                Some(Accepted::found(tenant, &not_applied))
            }
        })
    }

    async fn too_late(&self, tenant: &Tenant, corrections: Corrections) -> Result<Vec<Used>, Problem> {
        if corrections == Corrections::NONE {
            return Ok(Vec::new());
        }
        Ok(corrections.too_late(self.store.begun_effects(tenant.tenant_id).await?))
    }

    /// Starts the run of a row that this request wrote.
    async fn start(&self, tenant: &Tenant, budget: Budget) -> Answer {
        let resumes_at = runs::resumes_at(&self.store, tenant).await;
        runs::start(&self.store, &self.runs.of(tenant), budget).await;
        Accepted::begun(tenant, resumes_at)
    }
}
