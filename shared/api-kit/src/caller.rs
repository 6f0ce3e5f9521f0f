//! Who is calling, as the gateway's authorizer found out, and whether they may.

use domain::routes::{Credential, Route};
use lambda_http::Request;
#[cfg(not(feature = "watch"))]
use lambda_http::{RequestExt, request::RequestContext};

use crate::Problem;

/// The name the authorizer gives to a proof by API key; see `authorize-caller`.
#[cfg(not(feature = "watch"))]
const BY_API_KEY: &str = "api_key";

/// The caller's name, once they are known to have the right to call `route`.
///
/// Only the gateway can write the request context, so what stands there is believed. How the caller proved themselves
/// is checked again: an answer of the authorizer that was cached for one kind of credential opens no route of another.
#[cfg(not(feature = "watch"))]
pub fn authorize(route: &Route, request: &Request) -> Result<String, Problem> {
    let context = request.request_context_ref();
    let Some(RequestContext::ApiGatewayV1(context)) = context else { return Err(Problem::unauthenticated()) };
    let field = |name: &str| context.authorizer.fields.get(name).and_then(|value| value.as_str());
    let (Some(principal), Some(credential)) = (field("principal"), field("credential")) else {
        return Err(Problem::unauthenticated());
    };
    let expected = match route.credential {
        Credential::ApiKey => BY_API_KEY,
    };
    if credential != expected {
        return Err(Problem::unauthenticated());
    }
    let groups = field("groups").unwrap_or_default();
    permit(route, principal, groups.split(','))
}

fn permit<'a>(route: &Route, principal: &str, mut groups: impl Iterator<Item = &'a str>) -> Result<String, Problem> {
    if groups.any(|group| route.groups.contains(&group)) { Ok(principal.to_owned()) } else { Err(Problem::forbidden()) }
}

/// Without a gateway: the function verifies the credential itself.
#[cfg(feature = "watch")]
pub async fn verify(route: &Route, request: &Request, callers: &callers::Callers) -> Result<String, Problem> {
    let Credential::ApiKey = route.credential;
    let key =
        request.headers().get("x-api-key").and_then(|key| key.to_str().ok()).ok_or_else(Problem::unauthenticated)?;
    let principal =
        callers.by_api_key(key).await.map_err(|_| Problem::unavailable())?.ok_or_else(Problem::unauthenticated)?;
    permit(route, &principal.name, principal.groups.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use domain::routes;

    use super::permit;

    #[test]
    fn one_group_of_the_routes_is_enough() {
        assert!(permit(&routes::GET_TENANT, "a", ["reporting", "auditor"].into_iter()).is_ok());
        assert!(permit(&routes::PROVISION_TENANT, "a", ["auditor"].into_iter()).is_err());
        assert!(permit(&routes::PROVISION_TENANT, "a", [""].into_iter()).is_err());
    }
}
