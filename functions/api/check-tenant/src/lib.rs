//! `POST /v1/admin/tenants/{slug}/check`: asks every outside system whether what it has of the tenant is as the steps left it.
//! Nothing is changed. It is no `GET`, because it calls other systems each time, some of which count calls.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Problem, Request};
use domain::TenantPart;
use lambda_kit::needs;
use store::ControlReader;
use tenant_check::{CheckedPart, FOR_THE_ANSWER, Subject, TenantCheck};

needs! {
    /// Checks a tenant.
    pub struct CheckTenant {
        store: ControlReader,
        check: TenantCheck,
    }
}

impl Handler for CheckTenant {
    const ROUTE: Route = routes::CHECK_TENANT;
    type Input = ();

    async fn handle(&self, request: &Request, (): (), budget: Budget) -> Result<Answer, Problem> {
        let tenant = request.find_tenant(&self.store).await?;
        let subject = Subject::of(&self.store, tenant).await?;
        let found = self.check.look(&subject, TenantPart::ALL, budget.keeping(FOR_THE_ANSWER)).await;
        Ok(Answer::ok(&found.iter().map(CheckedPart::from).collect::<Vec<_>>()))
    }
}
