//! `POST /v1/admin/tenants/{slug}/repair`: brings back what the steps made for an active tenant, with their code and under the
//! tenant's lease. The audit log has what is asked for before the first call, and in the end what came of it.

use std::time::Duration;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, LEAST_TIME, Problem, Request, SlugInPath, take_lease, work_under};
use domain::{Failure, FailureKind, RepairRequest, Slug};
use lambda_kit::needs;
use serde_json::{Map, Value};
use store::{ControlDatabase, Lease};
use tenant_cache::CacheSettings;
use tenant_check::TenantRepair;
use uuid::Uuid;

/// How much longer this route may take than any other, once it has the tenant's lease.
const FOR_THE_SYSTEMS: Duration = Duration::from_millis(21_500);
/// How long to wait for another operation on the tenant.
const LEASE_WAIT: Duration = Duration::from_secs(1);
const NOT_ACTIVE: &str = "Only an active tenant is repaired: any other one is brought on by its pipeline, or is off.";

needs! {
    /// Repairs a tenant.
    pub struct RepairTenant {
        store: ControlDatabase,
        repair: TenantRepair,
        cache: CacheSettings,
    }
}

impl Handler for RepairTenant {
    const ROUTE: Route = routes::REPAIR_TENANT;
    const ANSWERED_WITHIN: Duration = Duration::from_secs(26);
    type Input = (SlugInPath, Json);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Json(body)): (SlugInPath, Json),
        budget: Budget,
    ) -> Result<Answer, Problem> {
        let asked = RepairRequest::parse(&body)?;
        let begun = self.begin(&slug, &request.request_id, budget);
        let begun = budget.keeping(FOR_THE_SYSTEMS).at_least(LEAST_TIME).spend(begun).await;
        let lease = begun.unwrap_or_else(|| Err(Problem::unavailable()))?;
        work_under(&lease, budget, Box::pin(self.repair(&lease, &asked, request, budget))).await
    }
}

impl RepairTenant {
    async fn repair(
        &self,
        lease: &Lease<'_>,
        asked: &RepairRequest,
        request: &Request,
        budget: Budget,
    ) -> Result<Answer, Problem> {
        lease.begin_repair(&asked.resources, request.author()).await.map_err(|failure| of(&failure))?;
        let (parts, repaired) = self.repair.repair(lease, &asked.resources, budget).await?;
        let outcomes: Map<_, _> =
            parts.iter().map(|part| (part.resource.as_str().to_owned(), Value::from(part.outcome.as_str()))).collect();
        let invalidation = serde_json::to_value(self.cache.entries(lease.tenant())).unwrap_or_default();
        let written = lease
            .repaired(&repaired, &Value::Object(outcomes), (Uuid::now_v7(), &invalidation), request.author())
            .await;
        written.map_err(|failure| of(&failure))?;
        Ok(Answer::ok(&parts))
    }

    /// The lease of an active tenant.
    async fn begin(&self, slug: &Slug, token: &str, budget: Budget) -> Result<Lease<'_>, Problem> {
        let tenant = self.store.tenant_by_slug(slug).await?.ok_or_else(Problem::tenant_not_found)?;
        let take = || self.store.lease_for_repair(tenant.tenant_id, token, budget.left());
        take_lease(LEASE_WAIT, take, |_| Problem::tenant_not_active(NOT_ACTIVE)).await
    }
}

/// What it means for the caller that a statement under the lease was not written.
fn of(failure: &Failure) -> Problem {
    lambda_kit::trouble!(failure, "a repair was not written down");
    match failure.kind() {
        FailureKind::Internal | FailureKind::Rejected => Problem::internal(),
        FailureKind::RateLimited | FailureKind::Busy | FailureKind::Transient | FailureKind::Superseded => {
            Problem::unavailable()
        }
    }
}
