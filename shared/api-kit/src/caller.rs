//! The caller, as the gateway's authorizer identified them, and the check of their rights.

use domain::TenantId;
use domain::routes::{Credential, Route};
use lambda_http::Request;
#[cfg(not(feature = "watch"))]
use lambda_http::{RequestExt, request::RequestContext};

use crate::Problem;

/// A caller who may call the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: String,
    tenant: Option<TenantId>,
}

impl Caller {
    /// Anyone, on a route that requires no credential.
    pub(crate) fn anyone() -> Self {
        Self { name: "anyone".to_owned(), tenant: None }
    }

    /// The caller's name in the audit log: the consumer's name, the token's subject, or `tenant:{id}` of a tenant's own
    /// token.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tenant that calls with its own token.
    pub(crate) const fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }
}

/// The caller, if they have the right to call `route`.
///
/// Only the gateway can write the request context, so it is trusted. The kind of credential is checked again, because
/// the gateway may have cached the authorizer's answer for the other kind.
#[cfg(not(feature = "watch"))]
pub fn authorize(route: &Route, request: &Request) -> Result<Caller, Problem> {
    if route.credential == Credential::None {
        return Ok(Caller::anyone());
    }
    let unauthenticated = || Problem::unauthenticated(route.credential);
    let context = request.request_context_ref();
    let Some(RequestContext::ApiGatewayV1(context)) = context else { return Err(unauthenticated()) };
    let field = |name: &str| context.authorizer.fields.get(name).and_then(|value| value.as_str());
    match (field("principal"), field("credential")) {
        (Some(principal), Some(credential)) if credential == route.credential.as_str() => {
            permit(route, principal, field("groups").unwrap_or_default().split(','))
        }
        _ => Err(unauthenticated()),
    }
}

fn permit<'a>(route: &Route, principal: &str, mut groups: impl Iterator<Item = &'a str>) -> Result<Caller, Problem> {
    if groups.any(|group| route.groups.contains(&group)) {
        return Ok(Caller { name: principal.to_owned(), tenant: None });
    }
    // The subject of a tenant's own token is the tenant's id.
    match principal.parse() {
        Ok(id) if route.tenants_own => {
            let tenant = TenantId(id);
            Ok(Caller { name: format!("tenant:{tenant}"), tenant: Some(tenant) })
        }
        _ => Err(Problem::forbidden()),
    }
}

/// Without a gateway: the function verifies the credential itself.
#[cfg(feature = "watch")]
pub async fn verify(route: &Route, request: &Request, callers: &callers::Callers) -> Result<Caller, Problem> {
    let unauthenticated = || Problem::unauthenticated(route.credential);
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).ok_or_else(unauthenticated);
    match route.credential {
        Credential::None => Ok(Caller::anyone()),
        Credential::ApiKey => {
            let found = callers.by_api_key(header("x-api-key")?).await.map_err(|_| Problem::unavailable())?;
            let consumer = found.ok_or_else(unauthenticated)?;
            permit(route, &consumer.name, consumer.groups.iter().map(String::as_str))
        }
        Credential::Bearer => {
            let found = callers.by_bearer(header("authorization")?).await.map_err(|_| Problem::unavailable())?;
            let bearer = found.ok_or_else(unauthenticated)?;
            permit(route, &bearer.subject, bearer.roles.iter().map(String::as_str))
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::routes;

    use super::*;

    const TENANT: &str = "01900000-0000-7000-8000-000000000000";

    #[test]
    fn one_group_of_the_routes_is_enough() {
        assert!(permit(&routes::GET_TENANT, "a", ["reporting", "auditor"].into_iter()).is_ok());
        assert!(permit(&routes::PROVISION_TENANT, "a", ["auditor"].into_iter()).is_err());
        assert!(permit(&routes::PROVISION_TENANT, "a", [""].into_iter()).is_err());
    }

    #[test]
    fn a_tenant_may_call_only_routes_that_allow_it() {
        let may = |route, principal| permit(route, principal, [""].into_iter());
        let caller = may(&routes::GET_CATALOG, TENANT).expect("its own");
        assert_eq!(caller.tenant(), Some(TenantId(TENANT.parse().expect("a UUID"))));
        assert_eq!(caller.name(), format!("tenant:{TENANT}"));
        assert!(may(&routes::UPSERT_CATALOG, TENANT).is_err());
        assert!(may(&routes::GET_TENANT, TENANT).is_err());
        assert!(may(&routes::GET_CATALOG, "somebody").is_err());
    }
}
