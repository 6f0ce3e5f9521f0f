//! `GET /v1/admin/tenants/{slug}`: the complete record, without any credential.

use api_kit::records::TenantRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Preconditions, Problem, Request, SlugInPath};
use lambda_kit::needs;
use store::ControlReader;

needs! {
    /// Answers with a tenant's record.
    pub struct GetTenant {
        store: ControlReader,
    }
}

impl Handler for GetTenant {
    const ROUTE: Route = routes::GET_TENANT;
    type Input = (SlugInPath, Preconditions);

    async fn handle(
        &self,
        _: &Request,
        (SlugInPath(slug), Preconditions(conditions)): (SlugInPath, Preconditions),
        _: Budget,
    ) -> Result<Answer, Problem> {
        let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
        TenantRecord::ok(&self.store, &tenant).await?.of_version(tenant.version, &conditions)
    }
}
