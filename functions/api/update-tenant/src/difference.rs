//! What a request would change.

use domain::{Patch, TenantChange};
use store::Tenant;

/// The values that differ from the row's, or `None` if there are none. A value that is sent but already there changes
/// nothing.
pub fn of(asked: &TenantChange, tenant: &Tenant) -> Option<TenantChange> {
    let custom_domain = match &asked.custom_domain {
        Patch::Set(domain) if tenant.custom_domain.as_deref() == Some(domain.as_str()) => Patch::Keep,
        Patch::Clear if tenant.custom_domain.is_none() => Patch::Keep,
        other => other.clone(),
    };
    let change = TenantChange {
        display_name: asked.display_name.clone().filter(|name| *name != tenant.display_name),
        tier: asked.tier.filter(|tier| *tier != tenant.tier),
        custom_domain,
    };
    let nothing = TenantChange { display_name: None, tier: None, custom_domain: Patch::Keep };
    (change != nothing).then_some(change)
}
