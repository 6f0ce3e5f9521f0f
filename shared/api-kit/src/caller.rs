//! Who is calling, as the gateway's authorizer found out, and whether they may.

use domain::TenantId;
use domain::routes::{Credential, Route};
use lambda_http::Request;
#[cfg(not(feature = "watch"))]
use lambda_http::{RequestExt, request::RequestContext};

use crate::Problem;

/// A caller who may call the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Anyone: the route asks for no credential.
    Anyone,
    /// A consumer in one of the route's groups, or a token with one of its roles.
    Member {
        /// The consumer's name, or the token's subject.
        name: String,
    },
    /// A tenant by its own token, on a route that lets tenants see what is theirs.
    Tenant(TenantId),
}

impl Caller {
    /// As the audit log names them.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Anyone => "anyone".to_owned(),
            Self::Member { name } => name.clone(),
            Self::Tenant(tenant_id) => format!("tenant:{tenant_id}"),
        }
    }
}

/// The caller, once they are known to have the right to call `route`.
///
/// Only the gateway can write the request context, so what stands there is believed. How the caller proved themselves
/// is checked again: an answer of the authorizer that was cached for one kind of credential opens no route of another.
#[cfg(not(feature = "watch"))]
pub fn authorize(route: &Route, request: &Request) -> Result<Caller, Problem> {
    // The names `authorize-caller` gives to the two proofs.
    let expected = match route.credential {
        Credential::None => return Ok(Caller::Anyone),
        Credential::ApiKey => "api_key",
        Credential::Bearer => "bearer",
    };
    let unauthenticated = || Problem::unauthenticated(route.credential);
    let context = request.request_context_ref();
    let Some(RequestContext::ApiGatewayV1(context)) = context else { return Err(unauthenticated()) };
    let field = |name: &str| context.authorizer.fields.get(name).and_then(|value| value.as_str());
    match (field("principal"), field("credential")) {
        (Some(principal), Some(credential)) if credential == expected => {
            permit(route, principal, field("groups").unwrap_or_default().split(','))
        }
        _ => Err(unauthenticated()),
    }
}

fn permit<'a>(route: &Route, principal: &str, mut groups: impl Iterator<Item = &'a str>) -> Result<Caller, Problem> {
    if groups.any(|group| route.groups.contains(&group)) {
        return Ok(Caller::Member { name: principal.to_owned() });
    }
    // A tenant's own token says whose it is by its subject.
    match principal.parse() {
        Ok(id) if route.tenants_own => Ok(Caller::Tenant(TenantId(id))),
        _ => Err(Problem::forbidden()),
    }
}

/// Without a gateway: the function verifies the credential itself.
#[cfg(feature = "watch")]
pub async fn verify(route: &Route, request: &Request, callers: &callers::Callers) -> Result<Caller, Problem> {
    let unauthenticated = || Problem::unauthenticated(route.credential);
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).ok_or_else(unauthenticated);
    match route.credential {
        Credential::None => Ok(Caller::Anyone),
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
    fn a_tenant_may_call_only_what_says_so() {
        let may = |route, principal| permit(route, principal, [""].into_iter());
        assert_eq!(may(&routes::GET_CATALOG, TENANT), Ok(Caller::Tenant(TenantId(TENANT.parse().expect("a UUID")))));
        assert!(may(&routes::UPSERT_CATALOG, TENANT).is_err());
        assert!(may(&routes::GET_TENANT, TENANT).is_err());
        assert!(may(&routes::GET_CATALOG, "somebody").is_err());
    }
}
