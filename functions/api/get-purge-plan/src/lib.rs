//! `GET /v1/admin/tenants/{slug}/purge-plan`: what a purge would delete and what it would keep, why, when it may begin, and what is on
//! whose bill until then. Nothing is asked of any system: what is listed is what the ledger has.

mod resources;

use api_kit::records::Policies;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Moment, Problem, PurgeRules, Query, Request, SlugInPath};
use domain::{
    CustomerPolicy, DataPolicy, ProblemCode, ProvisioningState, PurgePolicies, PurgeState, PurgeStep, Retrieval, Slug,
    TenantId,
};
use lambda_kit::{needs, settings};
use serde::Serialize;
use store::{ControlReader, Purge, Tenant};
use tenant_cache::CacheSettings;
use utoipa::ToSchema;

pub use resources::PlannedResource;

needs! {
    /// Answers with the plan of a purge.
    pub struct GetPurgePlan {
        store: ControlReader,
        cache: CacheSettings,
        rules: PurgeRules,
        lakehouse: LakehouseSettings,
    }
}

settings! {
    /// Where the lakehouse is.
    struct LakehouseSettings {
        /// Empty where the installation has none.
        url: String = "IOMETE_URL" or "",
    }
}

impl Handler for GetPurgePlan {
    const ROUTE: Route = routes::GET_PURGE_PLAN;
    type Input = (SlugInPath, Query);

    async fn handle(
        &self,
        _: &Request,
        (SlugInPath(slug), query): (SlugInPath, Query),
        _: Budget,
    ) -> Result<Answer, Problem> {
        let policies = policies(&query)?;
        let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
        let tenant_id = tenant.tenant_id;
        let purge = self.store.purge(tenant_id).await?;
        let retrieval = self.rules.retrieval(&self.store, tenant_id, tenant.tier).await?;
        let ledger = self.store.ledger(tenant_id).await?;
        let catalogs = self.store.catalogs_of(tenant_id).await?;
        let keys = self.cache.entries(&tenant).keys;
        let obstacle = obstacle(&tenant, purge.as_ref(), retrieval.map(|(_, retrieval)| retrieval));
        let until = match retrieval {
            Some((_, Retrieval::Running { until } | Retrieval::Shortened { until })) => Some(Moment(until)),
            Some((_, Retrieval::Over)) | None => None,
        };
        let shortened = matches!(retrieval, Some((_, Retrieval::Shortened { .. })));
        let plan = PurgePlan {
            tenant_id,
            slug: &tenant.slug,
            provisioning_state: tenant.state,
            policies: policies.into(),
            may_begin: obstacle.is_none(),
            obstacle: obstacle.map(ProblemCode::as_str),
            deprovisioned_at: retrieval.map(|(since, _)| Moment(since)),
            retrieval_days: self.rules.retrieval_days,
            retrieval_until: until,
            needs_reason: shortened,
            needs_approval: shortened || self.rules.approval,
            point_of_no_return: policies.point_of_no_return(),
            resources: resources::planned(&tenant, &ledger, &catalogs, &self.lakehouse.url, &keys, policies),
            kept: KEPT,
        };
        Ok(Answer::ok(&plan))
    }
}

/// What a purge would be asked for with.
fn policies(query: &Query) -> Result<PurgePolicies, Problem> {
    let mut fields = query.fields(routes::GET_PURGE_PLAN.query);
    let customer: Option<CustomerPolicy> = fields.optional("customer");
    let data: Option<DataPolicy> = fields.optional("data");
    fields.finish()?;
    Ok(PurgePolicies { customer: customer.unwrap_or_default(), data: data.unwrap_or_default() })
}

/// Why a purge could not begin, or go on, right now. A period that can be shortened is none: it needs a reason and an approval.
fn obstacle(tenant: &Tenant, purge: Option<&Purge>, retrieval: Option<Retrieval>) -> Option<ProblemCode> {
    if tenant.state != ProvisioningState::Deprovisioned {
        return Some(ProblemCode::TenantNotDeprovisioned);
    }
    let state = purge.map(|purge| purge.state);
    if state == Some(PurgeState::Done) {
        return Some(ProblemCode::TenantPurged);
    }
    if tenant.hold.is_some() {
        return Some(ProblemCode::TenantHeld);
    }
    // What has begun goes on, whatever the period is by now.
    let has_begun = matches!(state, Some(PurgeState::Running | PurgeState::Failed));
    let waits = matches!(retrieval, Some(Retrieval::Running { .. }));
    (waits && !has_begun).then_some(ProblemCode::RetrievalPeriod)
}

/// What every purge keeps.
const KEPT: &[&str] = &[
    "the tenant's record, under its id",
    "the audit log, under the tenant's id",
    "the certificate, with what became of each resource",
];

/// What a purge would do.
#[derive(Serialize, ToSchema)]
pub struct PurgePlan<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    provisioning_state: ProvisioningState,
    policies: Policies,
    /// Whether a purge could begin, or go on, right now.
    may_begin: bool,
    /// The code of the problem that a purge would be refused with right now. Null: with none.
    obstacle: Option<&'static str>,
    /// When the retrieval period began. Null: the tenant is not deprovisioned.
    deprovisioned_at: Option<Moment>,
    /// The installation's retrieval period. A paid tier's is 30 days at least.
    retrieval_days: u32,
    /// When it is over. Null: it is, or it has not begun.
    retrieval_until: Option<Moment>,
    /// Whether the request has to say why it cannot wait.
    needs_reason: bool,
    /// Whether another consumer has to approve it.
    needs_approval: bool,
    /// The first step that cannot be undone.
    point_of_no_return: PurgeStep,
    /// What would become of each resource, in the order of the steps. Those that are named by the slug are looked for even if the ledger
    /// has none, because the slug is only free once there is none.
    resources: Vec<PlannedResource<'a>>,
    /// What is kept in any case.
    kept: &'static [&'static str],
}
