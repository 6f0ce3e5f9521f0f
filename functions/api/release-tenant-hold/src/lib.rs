//! `DELETE /v1/admin/tenants/{slug}/hold`: the legal hold is over.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Preconditions, Problem, Request, SlugInPath};
use lambda_kit::needs;
use store::ControlDatabase;

/// How often the row is looked at again because others change it meanwhile.
const ROUNDS: usize = 4;

needs! {
    /// Releases a tenant's legal hold.
    pub struct ReleaseTenantHold {
        store: ControlDatabase,
    }
}

impl Handler for ReleaseTenantHold {
    const ROUTE: Route = routes::RELEASE_TENANT_HOLD;
    type Input = (SlugInPath, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Preconditions(conditions)): (SlugInPath, Preconditions),
        _: Budget,
    ) -> Result<Answer, Problem> {
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&slug).await?.ok_or_else(Problem::tenant_not_found)?;
            // What was done before is done, whatever version the caller had in mind (RFC 9110, 13.1.1).
            if tenant.hold.is_none() {
                return Ok(Answer::no_content());
            }
            if !conditions.allow(Some(tenant.version)) {
                return Err(Problem::version_mismatch());
            }
            if self.store.release_hold(&tenant, request.author()).await?.is_some() {
                return Ok(Answer::no_content());
            }
        }
        Err(Problem::unavailable())
    }
}
