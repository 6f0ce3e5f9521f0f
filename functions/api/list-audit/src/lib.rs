//! `GET /v1/admin/audit`: who changed what, of every tenant, newest first, in pages, as JSON or as CSV.

use api_kit::routes::{self, Route};
use api_kit::{Answer, AuditQuery, Budget, Handler, Problem, Query, Request};
use lambda_kit::needs;
use store::ControlReader;

needs! {
    /// Lists the audit log.
    pub struct ListAudit {
        store: ControlReader,
    }
}

impl Handler for ListAudit {
    const ROUTE: Route = routes::LIST_AUDIT;
    type Input = Query;

    async fn handle(&self, request: &Request, query: Query, _: Budget) -> Result<Answer, Problem> {
        let asked = AuditQuery::read(&query, Self::ROUTE.query)?;
        asked.answer(request, &self.store, None, Self::ROUTE.path).await
    }
}
