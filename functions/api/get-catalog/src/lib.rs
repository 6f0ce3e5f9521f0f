//! `GET /v1/admin/tenants/{tenant_id}/catalog`: the tenant's newest active catalog, for administrators and for the tenant
//! itself.

use api_kit::records::CatalogRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Problem, Request, TenantsOwn};
use domain::TenantId;
use lambda_kit::needs;
use store::{ControlReader, Tenant};

needs! {
    /// Answers with a tenant's catalog.
    pub struct GetCatalog {
        store: ControlReader,
    }
}

impl GetCatalog {
    /// The tenant that calls with its own token, if the path names it by id or by slug. For any other tenant the answer is
    /// 403, whether or not that tenant exists.
    async fn own_tenant(&self, own: TenantId, asked: &str) -> Result<Tenant, Problem> {
        let tenant = TenantsOwn(Some(own)).row(&self.store).await?;
        if asked.parse() == Ok(own.0) {
            return tenant.ok_or_else(Problem::tenant_not_found);
        }
        tenant.filter(|tenant| tenant.slug.as_str() == asked).ok_or_else(Problem::forbidden)
    }
}

impl Handler for GetCatalog {
    const ROUTE: Route = routes::GET_CATALOG;
    type Input = TenantsOwn;

    async fn handle(&self, request: &Request, TenantsOwn(own): TenantsOwn, _: Budget) -> Result<Answer, Problem> {
        let tenant = match own {
            Some(own) => self.own_tenant(own, request.tenant()).await?,
            None => request.find_tenant(&self.store).await?,
        };
        let catalog = self.store.newest_active_catalog(tenant.tenant_id).await?;
        let catalog = catalog.ok_or_else(Problem::catalog_not_found)?;
        Ok(Answer::ok(&CatalogRecord::from(&catalog)).with_version(catalog.version))
    }
}
