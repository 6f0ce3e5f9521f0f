//! `GET /v1/admin/tenants/{tenant_id}/catalog`: the tenant's newest active catalog, for administrators and the tenant itself.

use std::sync::Arc;

use api_kit::records::CatalogRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Caller, Handler, Platform, Problem, Request};
use domain::TenantId;
use store::{Store, Tenant};

/// The route.
pub struct GetCatalog {
    store: Arc<Store>,
}

impl GetCatalog {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store() }
    }

    /// The tenant a tenant's own token asks about: itself, by id or by slug. Of any other it does not even learn whether
    /// there is one.
    async fn own(&self, own: TenantId, asked: &str) -> Result<Tenant, Problem> {
        let tenant = self.store.tenant_by_id(own).await?;
        if asked.parse() == Ok(own.0) {
            return tenant.ok_or_else(Problem::tenant_not_found);
        }
        tenant.filter(|tenant| tenant.slug.as_str() == asked).ok_or_else(Problem::forbidden)
    }
}

impl Handler for GetCatalog {
    const ROUTE: Route = routes::GET_CATALOG;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let tenant = match request.caller {
            Caller::Tenant(own) => self.own(own, request.tenant()).await?,
            Caller::Anyone | Caller::Member { .. } => request.find_tenant(&self.store).await?,
        };
        let catalog = self.store.newest_active_catalog(tenant.tenant_id).await?;
        let catalog = catalog.ok_or_else(Problem::catalog_not_found)?;
        Ok(Answer::ok(&CatalogRecord::from(&catalog)).with_version(catalog.version))
    }
}
