//! `PUT /v1/admin/tenants/{slug}/hold`: a legal hold, or another reason for the one that there is. Until it is released the tenant is
//! neither purged nor restored, whoever asks for it.

use api_kit::records::TenantRecord;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Json, Preconditions, Problem, Request, SlugInPath};
use domain::HoldRequest;
use lambda_kit::needs;
use store::ControlDatabase;

/// How often the row is looked at again because others change it meanwhile.
const ROUNDS: usize = 4;

needs! {
    /// Puts a tenant under a legal hold.
    pub struct HoldTenant {
        store: ControlDatabase,
    }
}

impl Handler for HoldTenant {
    const ROUTE: Route = routes::HOLD_TENANT;
    type Input = (SlugInPath, Json, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Json(body), Preconditions(conditions)): (SlugInPath, Json, Preconditions),
        _: Budget,
    ) -> Result<Answer, Problem> {
        let HoldRequest { reason } = HoldRequest::parse(&body)?;
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
            // What was done before is done, whatever version the caller had in mind (RFC 9110, 13.1.1).
            if tenant.hold.as_ref().is_some_and(|hold| hold.reason == reason.as_str()) {
                return TenantRecord::answer(&self.store, &tenant).await;
            }
            if !conditions.allow(Some(tenant.version)) {
                return Err(Problem::version_mismatch());
            }
            if let Some(held) = self.store.hold_tenant(&tenant, &reason, request.author()).await? {
                return TenantRecord::answer(&self.store, &held).await;
            }
        }
        Err(Problem::unavailable())
    }
}
