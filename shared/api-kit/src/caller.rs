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
    identity: String,
    actor: String,
    tenant: Option<TenantId>,
}

impl Caller {
    /// Anyone, on a route that requires no credential.
    #[must_use]
    pub fn anyone() -> Self {
        Self { identity: "anyone".to_owned(), actor: "anyone".to_owned(), tenant: None }
    }

    /// Who the caller is, whichever of their keys they used: [`domain::Actor::identity`]. What is kept for a caller is kept
    /// for this one.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The caller in the audit log: a [`domain::Actor`].
    pub(crate) fn actor(&self) -> &str {
        &self.actor
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
    if field("credential") != Some(route.credential.as_str()) {
        return Err(unauthenticated());
    }
    // An answer of an earlier release's authorizer may be in the gateway's cache, for 45 seconds.
    let (Some(actor), Some(identity)) = (field("actor"), field("principal")) else {
        return Err(Problem::unavailable());
    };
    let tenant = field("tenant").map(|id| id.parse().map(TenantId)).transpose().map_err(|_| Problem::unavailable())?;
    let caller = Caller { identity: identity.to_owned(), actor: actor.to_owned(), tenant };
    permit(route, caller, field("groups").unwrap_or_default().split(','))
}

/// Whoever has one of the route's groups may act for everybody, a tenant only for itself.
fn permit<'a>(route: &Route, caller: Caller, mut groups: impl Iterator<Item = &'a str>) -> Result<Caller, Problem> {
    if groups.any(|group| route.groups.contains(&group)) {
        return Ok(Caller { tenant: None, ..caller });
    }
    if route.tenants_own && caller.tenant.is_some() { Ok(caller) } else { Err(Problem::forbidden()) }
}

/// Without a gateway: the function verifies the credential itself.
#[cfg(feature = "watch")]
pub async fn verify(route: &Route, request: &Request, callers: &callers::Callers) -> Result<Caller, Problem> {
    let unauthenticated = || Problem::unauthenticated(route.credential);
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).ok_or_else(unauthenticated);
    let caller =
        |actor: domain::Actor<'_>, tenant| Caller { identity: actor.identity(), actor: actor.to_string(), tenant };
    match route.credential {
        Credential::None => Ok(Caller::anyone()),
        Credential::ApiKey => {
            let found = callers.by_api_key(header("x-api-key")?).await.map_err(|_| Problem::unavailable())?;
            let consumer = found.ok_or_else(unauthenticated)?;
            permit(route, caller(consumer.actor(), None), consumer.groups.iter().map(String::as_str))
        }
        Credential::Bearer => {
            let found = callers.by_bearer(header("authorization")?).await.map_err(|_| Problem::unavailable())?;
            let bearer = found.map_err(|_| unauthenticated())?;
            permit(route, caller(bearer.actor(), bearer.tenant), bearer.roles.iter().map(String::as_str))
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::routes;

    use super::*;

    const TENANT: &str = "01900000-0000-7000-8000-000000000000";

    fn somebody(tenant: Option<&str>) -> Caller {
        let tenant = tenant.map(|id| TenantId(id.parse().expect("a UUID")));
        Caller { identity: "bearer:issuer|subject".to_owned(), actor: "bearer:issuer|subject".to_owned(), tenant }
    }

    fn may(route: &Route, tenant: Option<&str>, groups: &[&str]) -> Option<Caller> {
        permit(route, somebody(tenant), groups.iter().copied()).ok()
    }

    #[test]
    fn one_group_of_the_routes_is_enough() {
        assert!(may(&routes::GET_TENANT, None, &["reporting", "auditor"]).is_some());
        assert!(may(&routes::PROVISION_TENANT, None, &["auditor"]).is_none());
        assert!(may(&routes::PROVISION_TENANT, None, &[""]).is_none());
    }

    #[test]
    fn a_tenant_may_call_only_routes_that_allow_it() {
        let caller = may(&routes::GET_CATALOG, Some(TENANT), &["tenant"]).expect("its own");
        assert_eq!(caller.tenant(), Some(TenantId(TENANT.parse().expect("a UUID"))));
        for route in [routes::UPSERT_CATALOG, routes::GET_TENANT, routes::PROVISION_TENANT] {
            assert!(may(&route, Some(TENANT), &["tenant"]).is_none(), "{}", route.name);
        }
        assert!(may(&routes::GET_CATALOG, None, &["tenant"]).is_none(), "the authorizer found no tenant");
        let admin = may(&routes::GET_CATALOG, Some(TENANT), &["tenant", "admin"]).expect("an administrator");
        assert_eq!(admin.tenant(), None);
    }

    #[cfg(not(feature = "watch"))]
    mod gateway {
        use lambda_http::Body;
        use serde_json::{Value, json};

        use super::*;

        /// A request as the gateway sends it, with this context of the authorizer.
        fn asked(route: &Route, authorizer: &Value) -> Result<Caller, u16> {
            let event = json!({
                "resource": "/", "path": "/", "httpMethod": "GET", "headers": {}, "isBase64Encoded": false,
                "requestContext": { "authorizer": authorizer, "identity": { "sourceIp": "203.0.113.7" }, "httpMethod": "GET" },
            });
            let request: lambda_http::http::Request<Body> =
                lambda_http::request::from_str(&event.to_string()).expect("a request");
            authorize(route, &request).map_err(|problem| problem.status().as_u16())
        }

        fn context() -> Value {
            json!({ "actor": "api_key:a#12345678", "principal": "api_key:a", "groups": "admin", "credential": "api_key" })
        }

        #[test]
        fn the_authorizers_word_counts() {
            let caller = asked(&routes::GET_TENANT, &context()).expect("an administrator");
            assert_eq!((caller.identity(), caller.actor()), ("api_key:a", "api_key:a#12345678"));
            assert_eq!(asked(&routes::GET_TENANT, &json!({})), Err(401));
            assert_eq!(asked(&routes::GET_CATALOG, &context()), Err(401), "it was given for a key");
        }

        #[test]
        fn an_answer_without_an_actor_is_no_answer() {
            for member in ["actor", "principal"] {
                let mut old = context();
                old.as_object_mut().expect("an object").remove(member);
                assert_eq!(asked(&routes::GET_TENANT, &old), Err(503), "{member}");
            }
        }
    }
}
