//! `GET /v1/admin/tenants/{slug}/audit`: who changed what of one tenant, newest first, in pages, as JSON or as CSV.

use api_kit::routes::{self, Route};
use api_kit::{Answer, AuditQuery, Budget, Handler, Problem, Query, Request};
use lambda_kit::needs;
use store::ControlReader;

needs! {
    /// Lists the audit log of one tenant.
    pub struct ListTenantAudit {
        store: ControlReader,
    }
}

impl Handler for ListTenantAudit {
    const ROUTE: Route = routes::LIST_TENANT_AUDIT;
    type Input = Query;

    async fn handle(&self, request: &Request, query: Query, _: Budget) -> Result<Answer, Problem> {
        let asked = AuditQuery::read(&query, Self::ROUTE.query)?;
        let tenant = request.find_tenant(&self.store).await?.tenant_id;
        let path = Self::ROUTE.path.replace("{tenant}", request.tenant());
        asked.answer(request, &self.store, Some(tenant), &path).await
    }
}
