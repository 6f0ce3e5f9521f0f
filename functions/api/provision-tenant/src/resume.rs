//! Resuming a failed tenant, with the corrections that no effect contradicts yet.

use api_kit::{Problem, Request};
use domain::ProvisionRequest;
use store::{Resume, Store, StoreError, Tenant};

/// failed → provisioning with the next attempt; `None` where somebody else was faster.
pub async fn resume(
    store: &Store,
    tenant: &Tenant,
    asked: &ProvisionRequest,
    request: &Request,
) -> Result<Option<Tenant>, StoreError> {
    let resume = Resume {
        tenant,
        display_name: &asked.display_name,
        tier: asked.tier.unwrap_or(tenant.tier),
        admin_email: &asked.admin_email,
        correlation_id: &request.correlation_id,
        actor: &request.caller.name(),
        request_id: &request.request_id,
    };
    store.resume_tenant(resume).await
}

/// Refuses a correction that comes too late.
pub async fn permit(store: &Store, tenant: &Tenant, asked: &ProvisionRequest) -> Result<(), Problem> {
    let other_email = tenant.admin_email != asked.admin_email;
    let other_name = tenant.display_name != asked.display_name;
    let other_tier = asked.tier.is_some_and(|tier| tenant.tier != tier);
    if !(other_email || other_name || other_tier) {
        return Ok(());
    }
    let begun = store.effects(tenant.tenant_id).await?;
    let late = |field, why| Err(Problem::immutable_field(field, why));
    if begun.invited && other_email {
        return late("admin_email", "an invitation to the address first given was begun");
    }
    if begun.billed && other_name {
        return late("display_name", "billing under the name first given was begun");
    }
    if begun.billed && other_tier {
        return late("tier", "billing of the tier first given was begun");
    }
    Ok(())
}
