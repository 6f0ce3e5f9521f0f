//! `GET /v1/admin/tenants`: every tenant, or those that were searched for, newest first, in pages.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Cursor, Handler, Moment, Page, Problem, Query, Request};
use domain::{DisplayName, ProvisioningState, Region, Slug, TenantId, Tier};
use lambda_kit::needs;
use serde::Serialize;
use store::{ControlReader, TenantFilter, TenantSummary};
use utoipa::ToSchema;

needs! {
    /// Lists tenants.
    pub struct ListTenants {
        store: ControlReader,
    }
}

/// One tenant of the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedTenant<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    #[schema(value_type = &str)]
    display_name: &'a DisplayName,
    tier: Tier,
    region: Region,
    provisioning_state: ProvisioningState,
    /// Whether the tenant is live and routing.
    is_active: bool,
    /// When the row was made.
    provisioned_at: Moment,
}

impl Handler for ListTenants {
    const ROUTE: Route = routes::LIST_TENANTS;
    type Input = Query;

    async fn handle(&self, request: &Request, query: Query, _: Budget) -> Result<Answer, Problem> {
        let mut fields = query.fields(Self::ROUTE.query);
        let page = Page::read(&mut fields);
        let filter = TenantFilter {
            state: fields.optional("provisioning_state"),
            tier: fields.optional("tier"),
            region: fields.optional("region"),
            text: fields.optional("q"),
        };
        fields.finish()?;
        let tenants = self.store.tenants_page(&filter, page.after(), page.rows()).await?;
        Ok(page.answer(request, Self::ROUTE.path, tenants.iter().map(listed), false))
    }
}

fn listed(tenant: &TenantSummary) -> (Cursor, ListedTenant<'_>) {
    let listed = ListedTenant {
        tenant_id: tenant.tenant_id,
        slug: &tenant.slug,
        display_name: &tenant.display_name,
        tier: tenant.tier,
        region: tenant.region,
        provisioning_state: tenant.state,
        is_active: tenant.is_active,
        provisioned_at: Moment(tenant.provisioned_at),
    };
    (Cursor { at: tenant.provisioned_at, id: tenant.tenant_id.0 }, listed)
}
