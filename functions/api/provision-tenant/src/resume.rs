//! Resuming a failed tenant, with the corrections that no effect contradicts yet.

use api_kit::{Problem, Request};
use domain::ProvisionRequest;
use store::{Effects, Resume, Store, Tenant};

/// failed → provisioning with the next attempt; `None` where somebody else was faster.
pub async fn resume(
    store: &Store,
    tenant: &Tenant,
    asked: &ProvisionRequest,
    request: &Request,
) -> Result<Option<Tenant>, Problem> {
    let tier = asked.tier.unwrap_or(tenant.tier);
    let same =
        tenant.admin_email == asked.admin_email && tenant.display_name == asked.display_name && tenant.tier == tier;
    if !same {
        permit(tenant, asked, store.effects(tenant.tenant_id).await?)?;
    }
    let resumed = store
        .resume_tenant(Resume {
            tenant,
            display_name: &asked.display_name,
            tier,
            admin_email: &asked.admin_email,
            correlation_id: &request.correlation_id,
            actor: &request.caller,
            request_id: &request.request_id,
        })
        .await?;
    Ok(resumed)
}

fn permit(tenant: &Tenant, asked: &ProvisionRequest, effects: Effects) -> Result<(), Problem> {
    if effects.invited && tenant.admin_email != asked.admin_email {
        return Err(Problem::immutable_field("admin_email", "an invitation to the address first given was begun"));
    }
    if effects.billed && tenant.display_name != asked.display_name {
        return Err(Problem::immutable_field("display_name", "billing under the name first given was begun"));
    }
    if effects.billed && asked.tier.is_some_and(|tier| tenant.tier != tier) {
        return Err(Problem::immutable_field("tier", "billing of the tier first given was begun"));
    }
    Ok(())
}
