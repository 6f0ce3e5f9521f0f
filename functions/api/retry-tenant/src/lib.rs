//! `POST /v1/admin/tenants/{slug}/retry`: resumes a failed tenant as it is. Sent again, because its answer was lost, it finds
//! the run that it began.

use api_kit::records::Accepted;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Problem, Request, SlugInPath};
use domain::ProvisioningState;
use lambda_kit::needs;
use runs::{Care, Runs};
use store::{ControlDatabase, Resume, StoreError, Tenant};

/// How often the row is looked at again because others change it meanwhile.
const ROUNDS: usize = 4;

needs! {
    /// Resumes a failed tenant.
    pub struct RetryTenant {
        store: ControlDatabase,
        runs: Runs,
    }
}

impl Handler for RetryTenant {
    const ROUTE: Route = routes::RETRY_TENANT;
    type Input = SlugInPath;

    async fn handle(&self, request: &Request, SlugInPath(slug): SlugInPath, budget: Budget) -> Result<Answer, Problem> {
        // Whether a write got no answer, so that the attempt may be this request's own.
        let mut unanswered = false;
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
            match tenant.state {
                ProvisioningState::Active => return Err(Problem::tenant_active()),
                ProvisioningState::Deprovisioned => return Err(Problem::tenant_deprovisioned()),
                ProvisioningState::Provisioning if unanswered => return Ok(self.start(&tenant, budget).await),
                ProvisioningState::Provisioning => {
                    match runs::attend(&self.store, &self.runs.of(&tenant), &request.request_id, budget).await? {
                        Care::Failed => {}
                        Care::Nothing | Care::Started => return Ok(Accepted::found(&tenant, &[])),
                    }
                }
                ProvisioningState::Failed => {
                    let resume = Resume {
                        tenant: &tenant,
                        values: (&tenant).into(),
                        correlation_id: &request.correlation_id,
                        author: request.author(),
                    };
                    match self.store.resume_tenant(resume).await {
                        Ok(Some(tenant)) => return Ok(self.start(&tenant, budget).await),
                        Ok(None) => {}
                        Err(StoreError::Unavailable | StoreError::Timeout) => unanswered = true,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Err(Problem::unavailable())
    }
}

impl RetryTenant {
    async fn start(&self, tenant: &Tenant, budget: Budget) -> Answer {
        let resumes_at = runs::resumes_at(&self.store, tenant).await;
        runs::start(&self.store, &self.runs.of(tenant), budget).await;
        Accepted::begun(tenant, resumes_at)
    }
}
