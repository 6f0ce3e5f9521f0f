//! The caller, as the gateway's authorizer identified them, and the check of their rights.

use domain::TenantId;
use domain::routes::{Credential, ROUTES, Route};
use jiff::Timestamp;
use lambda_http::Request;
#[cfg(not(feature = "watch"))]
use lambda_http::{RequestExt, request::RequestContext};

use crate::{Moment, Problem};

/// A caller who may call the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    identity: String,
    actor: String,
    tenant: Option<TenantId>,
    credential: Credential,
    /// All of them, also those that mean nothing to this route.
    groups: Vec<String>,
    name: String,
    issuer: Option<String>,
    expires: Option<u64>,
}

impl Caller {
    /// Anyone, on a route that requires no credential.
    #[must_use]
    pub fn anyone() -> Self {
        Self {
            identity: "anyone".to_owned(),
            actor: "anyone".to_owned(),
            tenant: None,
            credential: Credential::None,
            groups: Vec::new(),
            name: "anyone".to_owned(),
            issuer: None,
            expires: None,
        }
    }

    /// The consumer's name, or the token's subject.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The token's issuer.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// A consumer's groups, or a token's roles.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// When the token ends.
    #[must_use]
    pub fn expires(&self) -> Option<Moment> {
        Timestamp::from_second(self.expires?.try_into().ok()?).ok().map(Moment)
    }

    /// The tenant that calls with its own token. Whoever may act for everybody on the route is none there.
    #[must_use]
    pub const fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// The operations that this caller may call, at least for something.
    #[must_use]
    pub fn operations(&self) -> Vec<&'static str> {
        ROUTES.iter().filter(|route| self.may_call(route)).map(|route| route.name).collect()
    }

    fn may_call(&self, route: &Route) -> bool {
        self.credential == route.credential
            && (self.acts_for_all(route) || (route.tenants_own && self.tenant.is_some()))
    }

    fn acts_for_all(&self, route: &Route) -> bool {
        route.for_everybody || self.groups.iter().any(|group| route.groups.contains(&group.as_str()))
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
    let groups = field("groups").unwrap_or_default().split(',').filter(|group| !group.is_empty());
    let caller = Caller {
        identity: identity.to_owned(),
        actor: actor.to_owned(),
        tenant,
        credential: route.credential,
        groups: groups.map(str::to_owned).collect(),
        // The same.
        name: field("name").unwrap_or(identity).to_owned(),
        issuer: field("issuer").map(str::to_owned),
        expires: field("expires").and_then(|seconds| seconds.parse().ok()),
    };
    permit(route, caller)
}

/// Whoever has one of the route's groups may act for everybody, a tenant only for itself.
fn permit(route: &Route, caller: Caller) -> Result<Caller, Problem> {
    if !caller.may_call(route) {
        return Err(Problem::forbidden());
    }
    // Who asks about themselves stays who they are.
    if route.for_everybody || !caller.acts_for_all(route) { Ok(caller) } else { Ok(Caller { tenant: None, ..caller }) }
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
            let (identity, actor) = (consumer.actor().identity(), consumer.actor().to_string());
            let (credential, groups, name) = (route.credential, consumer.groups, consumer.name);
            permit(
                route,
                Caller { identity, actor, tenant: None, credential, groups, name, issuer: None, expires: None },
            )
        }
        Credential::Bearer => {
            let found = callers.by_bearer(header("authorization")?).await.map_err(|_| Problem::unavailable())?;
            let bearer = found.map_err(|_| unauthenticated())?;
            let caller = Caller {
                identity: bearer.actor().identity(),
                actor: bearer.actor().to_string(),
                tenant: bearer.tenant,
                credential: route.credential,
                groups: bearer.roles,
                name: bearer.subject,
                issuer: Some(bearer.issuer),
                expires: Some(bearer.expires),
            };
            permit(route, caller)
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::routes;

    use super::*;

    const TENANT: &str = "01900000-0000-7000-8000-000000000000";

    fn somebody(credential: Credential, tenant: Option<&str>, groups: &[&str]) -> Caller {
        let tenant = tenant.map(|id| TenantId(id.parse().expect("a UUID")));
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Caller { tenant, credential, groups, ..Caller::anyone() }
    }

    fn may(route: &Route, tenant: Option<&str>, groups: &[&str]) -> Option<Caller> {
        permit(route, somebody(route.credential, tenant, groups)).ok()
    }

    #[test]
    fn what_a_caller_is_told_that_they_may_is_what_they_may() {
        for credential in [Credential::ApiKey, Credential::Bearer] {
            for tenant in [None, Some(TENANT)] {
                for groups in [&[][..], &["admin"][..], &["auditor"][..], &["tenant"][..], &["auditor", "tenant"][..]] {
                    let caller = somebody(credential, tenant, groups);
                    for route in ROUTES {
                        let allowed = route.credential == credential && permit(route, caller.clone()).is_ok();
                        assert_eq!(caller.may_call(route), allowed, "{} {groups:?} {tenant:?}", route.name);
                    }
                }
            }
        }
    }

    #[test]
    fn who_asks_about_themselves_needs_no_group_and_stays_a_tenant() {
        for route in [routes::GET_CALLER, routes::GET_LAKEHOUSE_CALLER] {
            assert!(may(&route, None, &[]).is_some());
            let caller = may(&route, Some(TENANT), &["admin", "tenant"]).expect("anybody");
            assert_eq!(caller.tenant().map(|id| id.to_string()).as_deref(), Some(TENANT));
        }
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
