//! `GET /v1/admin/tenants/{slug}`: the complete record, without any credential.

use std::sync::Arc;

use api_kit::records::TenantRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Platform, Problem, Request};
use store::Store;

/// The route.
pub struct GetTenant {
    store: Arc<Store>,
}

impl GetTenant {
    /// Built from the control database alone.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { store: platform.store() }
    }
}

impl Handler for GetTenant {
    const ROUTE: Route = routes::GET_TENANT;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let tenant = self.store.tenant_by_slug(&request.slug()?).await?.ok_or_else(Problem::tenant_not_found)?;
        Ok(TenantRecord::answer(&tenant))
    }
}
