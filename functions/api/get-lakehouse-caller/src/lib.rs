//! `GET /v1/admin/lakehouse/me`: whom this token is about, and what they may do. All of it is in what the gateway's authorizer
//! found.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Moment, Problem, Request};
use domain::TenantId;
use lambda_kit::needs;
use serde::Serialize;
use utoipa::ToSchema;

needs! {
    /// Says who calls.
    pub struct GetLakehouseCaller;
}

/// Whom a token is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenHolder<'a> {
    /// The subject.
    name: &'a str,
    /// The token's `iss`.
    issuer: Option<&'a str>,
    /// Its roles, as far as routes know them.
    roles: &'a [String],
    /// The tenant whose own token it is. Null: it is no tenant's.
    tenant_id: Option<TenantId>,
    /// When it ends.
    expires_at: Option<Moment>,
    /// The operations that it may call. A tenant's own token calls them for that tenant only.
    operations: Vec<&'static str>,
}

impl Handler for GetLakehouseCaller {
    const ROUTE: Route = routes::GET_LAKEHOUSE_CALLER;
    type Input = ();

    async fn handle(&self, request: &Request, (): (), _: Budget) -> Result<Answer, Problem> {
        let caller = &request.caller;
        Ok(Answer::ok(&TokenHolder {
            name: caller.name(),
            issuer: caller.issuer(),
            roles: caller.groups(),
            tenant_id: caller.tenant(),
            expires_at: caller.expires(),
            operations: caller.operations(),
        }))
    }
}
