//! `PATCH /v1/admin/tenants/{slug}`: changes what the request names. A change of tier is made at Stripe first, under the
//! tenant's lease. The tenant's cache entries are gone before the answer.

mod difference;
mod tier;

use std::time::Duration;

use api_kit::records::TenantRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Conditions, Handler, Json, LEAST_TIME, Preconditions, Problem, Request, SlugInPath};
use billing::Billing;
use domain::{ProvisioningState, Slug, TenantChange};
use lambda_kit::{List, needs, settings};
use outbox::Outbox;
use store::{ControlDatabase, StoreError, Tenant, Update};
use tenant_cache::{CacheEntries, CacheSettings};
use uuid::Uuid;

/// How much longer a change of tier may take than any other request.
const FOR_STRIPE: Duration = Duration::from_millis(17_500);
/// How often the row is looked at again because others change it meanwhile.
const ROUNDS: usize = 4;

settings! {
    /// What belongs to the platform.
    struct PlatformSettings {
        /// No tenant can have one of these domains, or one below them.
        domains: List<String> = "PLATFORM_DOMAINS" or "",
    }
}

needs! {
    /// Changes a tenant.
    pub struct UpdateTenant {
        store: ControlDatabase,
        billing: Billing,
        outbox: Outbox,
        cache: CacheSettings,
        platform: PlatformSettings,
    }
}

impl Handler for UpdateTenant {
    const ROUTE: Route = routes::UPDATE_TENANT;
    const ANSWERED_WITHIN: Duration = Duration::from_secs(22);
    type Input = (SlugInPath, Json, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Json(body), Preconditions(conditions)): (SlugInPath, Json, Preconditions),
        budget: Budget,
    ) -> Result<Answer, Problem> {
        let asked = TenantChange::parse(&body, &self.platform.domains)?;
        // Waiting for Stripe is the only reason to answer later than other routes.
        let budget = if asked.tier.is_some() { budget } else { budget.keeping(FOR_STRIPE).at_least(LEAST_TIME) };
        // Boxed, because what is awaited for Stripe is nested deep.
        let change = Box::pin(self.change(&slug, &asked, &conditions, request, budget));
        budget.spend(change).await.unwrap_or_else(|| Err(Problem::unavailable()))
    }
}

impl UpdateTenant {
    async fn change(
        &self,
        slug: &Slug,
        asked: &TenantChange,
        conditions: &Conditions,
        request: &Request,
        budget: Budget,
    ) -> Result<Answer, Problem> {
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(slug).await?.ok_or_else(Problem::tenant_not_found)?;
            if tenant.state == ProvisioningState::Deprovisioned {
                let detail = "The tenant was deprovisioned; its custom domain is free for another tenant.";
                return Err(Problem::tenant_not_active(detail));
            }
            if !conditions.allow(Some(tenant.version)) {
                return Err(Problem::version_mismatch());
            }
            let entries = self.cache.entries(&tenant);
            let Some(change) = difference::of(asked, &tenant) else {
                return self.answer(&tenant, None, &entries, budget).await;
            };
            if change.tier.is_some() && tenant.state != ProvisioningState::Active {
                return Err(Problem::tenant_not_active("tier can be changed once the tenant is active."));
            }
            let promise = Uuid::now_v7();
            let update = Update {
                change: &change,
                version: (!conditions.is_empty()).then_some(tenant.version),
                invalidation: (promise, &serde_json::to_value(&entries).unwrap_or_default()),
                author: request.author(),
            };
            let updated = match change.tier {
                Some(_) => Some(tier::change(&self.store, &self.billing, &tenant, &update, budget).await?),
                None => written(self.store.update_tenant(tenant.tenant_id, &update).await)?,
            };
            if let Some(tenant) = updated {
                return self.answer(&tenant, Some(promise), &entries, budget).await;
            }
        }
        Err(Problem::unavailable())
    }

    /// The change is committed and its invalidation promised, but the caller gets 200 only once the entries are gone. Sent
    /// again, the same request finds nothing to change and tries the rest.
    async fn answer(
        &self,
        tenant: &Tenant,
        promise: Option<Uuid>,
        entries: &CacheEntries,
        budget: Budget,
    ) -> Result<Answer, Problem> {
        if self.outbox.invalidated(&self.store, promise, entries, budget).await {
            TenantRecord::answer(&self.store, tenant).await
        } else {
            Err(Problem::unavailable())
        }
    }
}

/// `None`: the row was changed meanwhile and has to be looked at again.
fn written(outcome: Result<Option<Tenant>, StoreError>) -> Result<Option<Tenant>, Problem> {
    match outcome {
        Err(StoreError::Taken { constraint }) if constraint == "tenants_custom_domain_key" => {
            Err(Problem::domain_taken())
        }
        outcome => Ok(outcome?),
    }
}
