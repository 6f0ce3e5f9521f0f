//! What all endpoints check first.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use simulator::headers;
use url::form_urlencoded;

use super::error::ApiError;
use crate::calls::{Allowance, Endpoint};
use crate::cloud::Cloud;
use crate::project::Project;
use crate::routes::Route;

/// Whose calls are counted and limited together.
enum Scope {
    Project(Arc<Project>),
    Organization,
    /// The user who has the token.
    User,
}

/// Checks token, scope, rate limit and the names of the parameters, in this order.
pub(super) async fn pass(route: Route, parameters: RawPathParams, mut request: Request, next: Next) -> Response {
    let Route { cloud, endpoint } = route;
    if !headers::bearer(request.headers()).is_some_and(|token| headers::is_secret(token, &cloud.settings.access_token))
    {
        return ApiError::Unauthorized.into_response();
    }
    let scope = match scope(&cloud, endpoint, &parameters) {
        Ok(scope) => scope,
        Err(refused) => return refused.into_response(),
    };
    let name = match &scope {
        Scope::Project(project) => project.reference.as_str(),
        Scope::Organization => cloud.settings.organization.as_str(),
        Scope::User => "user",
    };
    cloud.calls.count(name, endpoint);
    let allowance = cloud.calls.admit(name, endpoint, cloud.settings.requests_per_minute);
    let mut response = if allowance.is_some_and(|allowance| allowance.remaining.is_none()) {
        ApiError::Throttled.into_response()
    } else if let Some(unknown) = unknown_parameter(endpoint, request.uri().query()) {
        ApiError::Invalid(format!("unknown query parameter '{unknown}'")).into_response()
    } else {
        if let Scope::Project(project) = scope {
            request.extensions_mut().insert(project);
        }
        next.run(request).await
    };
    if let Some(allowance) = allowance {
        announce(response.headers_mut(), allowance);
    }
    response
}

fn scope(cloud: &Cloud, endpoint: Endpoint, parameters: &RawPathParams) -> Result<Scope, ApiError> {
    match parameters.iter().next() {
        Some(("ref", reference)) => cloud.find(reference).map(Scope::Project).ok_or(ApiError::ProjectNotFound),
        Some((_, slug)) if slug != cloud.settings.organization => Err(ApiError::Forbidden),
        Some(_) => Ok(Scope::Organization),
        None if endpoint == Endpoint::CreateProject => Ok(Scope::Organization),
        None => Ok(Scope::User),
    }
}

/// The first query parameter that the specification does not give this endpoint.
fn unknown_parameter(endpoint: Endpoint, query: Option<&str>) -> Option<String> {
    let known: &[&str] = match endpoint {
        Endpoint::GetHealth => &["services", "timeout_ms"],
        Endpoint::ListApiKeys | Endpoint::CreateApiKey => &["reveal"],
        Endpoint::DeleteApiKey => &["reveal", "was_compromised", "reason"],
        Endpoint::UpdateLegacyKeys => &["enabled"],
        Endpoint::ListOrganizationProjects => &["offset", "limit", "search", "sort", "statuses"],
        Endpoint::AvailableRegions => &["organization_slug", "continent", "desired_instance_size"],
        _ => &[],
    };
    let mut names = form_urlencoded::parse(query?.as_bytes()).map(|(name, _)| name);
    names.find(|name| !known.contains(&name.as_ref())).map(Cow::into_owned)
}

fn announce(headers: &mut HeaderMap, allowance: Allowance) {
    let remaining = allowance.remaining.unwrap_or(0);
    headers.insert("x-ratelimit-limit", HeaderValue::from(allowance.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(allowance.reset));
}
