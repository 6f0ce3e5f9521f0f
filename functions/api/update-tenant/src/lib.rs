//! `PATCH /v1/admin/tenants/{slug}`: changes what is sent. A change of tier is Stripe's first, under the tenant's lease;
//! the cache entry is gone before the answer.

mod tier;

use std::sync::Arc;
use std::time::Duration;

use api_kit::records::TenantRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, IfMatch, Platform, Problem, Request};
use billing::Billing;
use domain::{Patch, ProvisioningState, Slug, TenantChange};
use outbox::{Invalidation, cache_keys};
use secrets::Secrets;
use store::{Store, StoreError, Tenant, Update};
use uuid::Uuid;

/// One call of Stripe. A change of tier takes three at most, of which the last is the slow one.
const STRIPE_CALL: Duration = Duration::from_secs(6);
/// What a change of tier may take longer than any other request.
const FOR_STRIPE: Duration = Duration::from_millis(17_500);
/// Rounds after which a row that changes under our hands is somebody else's to settle.
const ROUNDS: usize = 4;

/// The route.
pub struct UpdateTenant {
    store: Arc<Store>,
    secrets: Secrets,
    billing: Billing,
    platform_domains: Vec<String>,
}

impl UpdateTenant {
    /// Built from `PLATFORM_DOMAINS`, `TENANT_CACHE_KEYS` and what billing needs.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        let domains = std::env::var("PLATFORM_DOMAINS").unwrap_or_default().to_ascii_lowercase();
        let domains = domains.split(',').map(|domain| domain.trim().to_owned()).filter(|domain| !domain.is_empty());
        Self {
            store: platform.store(),
            secrets: platform.secrets.clone(),
            billing: Billing::new(&platform.secrets, STRIPE_CALL),
            platform_domains: domains.collect(),
        }
    }

    async fn change(
        &self,
        slug: &Slug,
        asked: &TenantChange,
        if_match: Option<&IfMatch>,
        request: &Request,
    ) -> Result<Answer, Problem> {
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(slug).await?.ok_or_else(Problem::tenant_not_found)?;
            if tenant.state == ProvisioningState::Deprovisioned {
                return Err(Problem::tenant_not_active("The tenant was deprovisioned."));
            }
            if if_match.is_some_and(|versions| !versions.allows(tenant.version)) {
                return Err(Problem::version_mismatch());
            }
            let change = difference(asked, &tenant);
            if is_nothing(&change) {
                return self.answer(&tenant, None, &cache_keys(&tenant)).await;
            }
            if change.tier.is_some() && tenant.state != ProvisioningState::Active {
                return Err(Problem::tenant_not_active("tier can be changed once the tenant is active."));
            }
            let id = Uuid::now_v7();
            let payload = Invalidation { keys: cache_keys(&tenant) };
            let update = Update {
                change: &change,
                version: if_match.map(|_| tenant.version),
                invalidation: (id, &serde_json::to_value(&payload).unwrap_or_default()),
                actor: &request.caller.name(),
                request_id: &request.request_id,
            };
            let updated = match change.tier {
                Some(_) => Some(tier::change(&self.store, &self.billing, &tenant, &update).await?),
                None => written(self.store.update_tenant(tenant.tenant_id, &update).await)?,
            };
            if let Some(tenant) = updated {
                return self.answer(&tenant, Some(id), &payload.keys).await;
            }
        }
        Err(Problem::unavailable())
    }

    /// The change is committed and its invalidation promised; but the caller is told only once the entry is gone. The
    /// same request, sent again, finds nothing to change and tries the rest.
    async fn answer(&self, tenant: &Tenant, promise: Option<Uuid>, keys: &[String]) -> Result<Answer, Problem> {
        if outbox::invalidated(&self.store, &self.secrets, promise, keys).await {
            Ok(TenantRecord::answer(tenant))
        } else {
            Err(Problem::unavailable())
        }
    }
}

impl Handler for UpdateTenant {
    const ROUTE: Route = routes::UPDATE_TENANT;
    const ANSWERED_WITHIN: Duration = Duration::from_secs(22);

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let slug = request.slug()?;
        let asked = TenantChange::parse(&request.json_object()?, &self.platform_domains)?;
        let if_match = request.if_match()?;
        let change = self.change(&slug, &asked, if_match.as_ref(), request);
        if asked.tier.is_some() {
            return change.await;
        }
        tokio::time::timeout_at(request.answer_sooner(FOR_STRIPE).into(), change)
            .await
            .unwrap_or_else(|_| Err(Problem::unavailable()))
    }
}

/// What would really change: sending what is there already changes nothing.
fn difference(asked: &TenantChange, tenant: &Tenant) -> TenantChange {
    let custom_domain = match &asked.custom_domain {
        Patch::Set(domain) if tenant.custom_domain.as_deref() == Some(domain.as_str()) => Patch::Keep,
        Patch::Clear if tenant.custom_domain.is_none() => Patch::Keep,
        other => other.clone(),
    };
    TenantChange {
        display_name: asked.display_name.clone().filter(|name| *name != tenant.display_name),
        tier: asked.tier.filter(|tier| *tier != tenant.tier),
        custom_domain,
    }
}

fn is_nothing(change: &TenantChange) -> bool {
    change.display_name.is_none() && change.tier.is_none() && change.custom_domain == Patch::Keep
}

/// `None`: the row is another one by now; look again.
fn written(outcome: Result<Option<Tenant>, StoreError>) -> Result<Option<Tenant>, Problem> {
    match outcome {
        Err(StoreError::Taken { constraint }) if constraint == "tenants_custom_domain_key" => {
            Err(Problem::domain_taken())
        }
        outcome => Ok(outcome?),
    }
}
