//! The complete record of a tenant, without any credential.

use domain::{AdminEmail, DisplayName, ProvisioningState, Region, Slug, TenantId, Tier};
use serde::Serialize;
use store::{Hold, Reader, Tenant};
use utoipa::ToSchema;

use super::PurgeSummary;
use crate::{Answer, Moment, Problem};

/// A tenant, complete but for its credentials.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantRecord<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    /// An older tenant's may be one that a new tenant would not get.
    #[schema(value_type = &str)]
    display_name: &'a DisplayName,
    region: Region,
    tier: Tier,
    /// URL of the tenant's database environment. Null until step 1 completes.
    supabase_url: Option<&'a str>,
    /// Reference of the tenant's database environment. Null until step 1 completes.
    supabase_project_ref: Option<&'a str>,
    /// The tenant's private graph. Null until step 6 completes.
    falkordb_graph_name: Option<&'a str>,
    /// The tenant's own domain, if it has one. A deprovisioned tenant has none: its domain is free.
    custom_domain: Option<&'a str>,
    /// The same is true of its admin's address.
    #[schema(value_type = &str)]
    admin_email: &'a AdminEmail,
    provisioning_state: ProvisioningState,
    /// Whether the tenant is live and routing.
    is_active: bool,
    /// When the row was made.
    provisioned_at: Moment,
    /// Why provisioning failed. Null unless the state is `failed`.
    error_message: Option<&'a str>,
    /// Stripe's customer, if billing was set up.
    stripe_customer_id: Option<&'a str>,
    created_at: Moment,
    updated_at: Moment,
    /// When the tenant went live.
    activated_at: Option<Moment>,
    /// When the tenant was last brought back from being deprovisioned.
    restored_at: Option<Moment>,
    /// The tenant's legal hold: while there is one, the tenant is neither purged nor restored.
    hold: Option<TenantHold<'a>>,
    /// How far the purge of the deprovisioned tenant is. Null: nobody asked for one, or it was withdrawn by a restore.
    purge: Option<PurgeSummary>,
}

/// A legal hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantHold<'a> {
    /// Why nothing of the tenant may be deleted.
    reason: &'a str,
    at: Moment,
    /// Who says so, as the audit log names them.
    by: &'a str,
}

impl<'a> From<&'a Hold> for TenantHold<'a> {
    fn from(hold: &'a Hold) -> Self {
        Self { reason: &hold.reason, at: Moment(hold.at), by: &hold.by }
    }
}

impl<'a> TenantRecord<'a> {
    fn new(tenant: &'a Tenant, purge: Option<PurgeSummary>) -> Self {
        Self {
            tenant_id: tenant.tenant_id,
            slug: &tenant.slug,
            display_name: &tenant.display_name,
            region: tenant.region,
            tier: tenant.tier,
            supabase_url: tenant.supabase_url.as_deref(),
            supabase_project_ref: tenant.supabase_project_ref.as_deref(),
            falkordb_graph_name: tenant.falkordb_graph_name.as_deref(),
            // A deprovisioned tenant's row only remembers which one it had.
            custom_domain: tenant.custom_domain.as_deref().filter(|_| tenant.state != ProvisioningState::Deprovisioned),
            admin_email: &tenant.admin_email,
            provisioning_state: tenant.state,
            is_active: tenant.is_active,
            provisioned_at: Moment(tenant.provisioned_at),
            error_message: tenant.error_message.as_deref(),
            stripe_customer_id: tenant.stripe_customer_id.as_deref(),
            created_at: Moment(tenant.provisioned_at),
            updated_at: Moment(tenant.updated_at),
            activated_at: tenant.activated_at.map(Moment),
            restored_at: tenant.restored_at.map(Moment),
            hold: tenant.hold.as_ref().map(TenantHold::from),
            purge,
        }
    }
}

impl TenantRecord<'_> {
    /// 200 with the record.
    pub async fn ok(store: &Reader, tenant: &Tenant) -> Result<Answer, Problem> {
        let purge = PurgeSummary::of(store, tenant).await?;
        Ok(Answer::ok(&TenantRecord::new(tenant, purge)))
    }

    /// The same with its version for `If-Match`.
    pub async fn answer(store: &Reader, tenant: &Tenant) -> Result<Answer, Problem> {
        Ok(Self::ok(store, tenant).await?.with_version(tenant.version))
    }
}
