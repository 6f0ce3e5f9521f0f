//! `GET /v1/admin/tenants/{slug}`: the complete record, without any credential.

use std::sync::Arc;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Platform, Problem, Request, timestamp};
use domain::{AdminEmail, DisplayName, ProvisioningState, Region, Slug, TenantId, Tier};
use serde::Serialize;
use store::{Store, Tenant};

/// The route.
pub struct GetTenant {
    store: Arc<Store>,
}

impl GetTenant {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store.clone() }
    }
}

impl Handler for GetTenant {
    const ROUTE: Route = routes::GET_TENANT;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let tenant = self.store.tenant_by_slug(&request.slug()?).await?.ok_or_else(Problem::tenant_not_found)?;
        Ok(Answer::ok(&TenantRecord::from(&tenant)))
    }
}

/// The record, field by field as documented.
#[derive(Serialize)]
struct TenantRecord<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    display_name: &'a DisplayName,
    region: Region,
    tier: Tier,
    supabase_url: Option<&'a str>,
    supabase_project_ref: Option<&'a str>,
    falkordb_graph_name: Option<&'a str>,
    custom_domain: Option<&'a str>,
    admin_email: &'a AdminEmail,
    provisioning_state: ProvisioningState,
    is_active: bool,
    provisioned_at: String,
    error_message: Option<&'a str>,
    stripe_customer_id: Option<&'a str>,
    created_at: String,
    updated_at: String,
    activated_at: Option<String>,
}

impl<'a> From<&'a Tenant> for TenantRecord<'a> {
    fn from(tenant: &'a Tenant) -> Self {
        Self {
            tenant_id: tenant.tenant_id,
            slug: &tenant.slug,
            display_name: &tenant.display_name,
            region: tenant.region,
            tier: tenant.tier,
            supabase_url: tenant.supabase_url.as_deref(),
            supabase_project_ref: tenant.supabase_project_ref.as_deref(),
            falkordb_graph_name: tenant.falkordb_graph_name.as_deref(),
            custom_domain: tenant.custom_domain.as_deref(),
            admin_email: &tenant.admin_email,
            provisioning_state: tenant.state,
            is_active: tenant.is_active,
            provisioned_at: timestamp(tenant.provisioned_at),
            error_message: tenant.error_message.as_deref(),
            stripe_customer_id: tenant.stripe_customer_id.as_deref(),
            created_at: timestamp(tenant.provisioned_at),
            updated_at: timestamp(tenant.updated_at),
            activated_at: tenant.activated_at.map(timestamp),
        }
    }
}
