//! The Management API, `/v1/…`.

mod api_keys;
mod auth_config;
mod error;
mod health;
mod organizations;
mod pooler;
mod projects;

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use secrecy::ExposeSecret as _;
use serde_json::json;
use url::form_urlencoded;

use crate::calls::{Allowance, Endpoint};
use crate::cloud::Cloud;
use crate::project::Project;
pub(crate) use auth_config::{AuthConfig, Smtp};
pub(crate) use error::ApiError;

/// Where requests without project or organization are counted: against the user whose token it is.
const USER: &str = "user";

pub(crate) fn router(cloud: &Arc<Cloud>) -> Router {
    let routes = Routes { cloud, router: Router::new() };
    routes
        .add("/v1/projects", Endpoint::ListProjects, MethodFilter::GET, projects::list)
        .add("/v1/projects", Endpoint::CreateProject, MethodFilter::POST, projects::create)
        .add(
            "/v1/projects/available-regions",
            Endpoint::AvailableRegions,
            MethodFilter::GET,
            organizations::available_regions,
        )
        .add("/v1/projects/{ref}", Endpoint::GetProject, MethodFilter::GET, projects::get)
        .add("/v1/projects/{ref}", Endpoint::DeleteProject, MethodFilter::DELETE, projects::delete)
        .add("/v1/projects/{ref}/health", Endpoint::GetHealth, MethodFilter::GET, health::get)
        .add("/v1/projects/{ref}/api-keys", Endpoint::ListApiKeys, MethodFilter::GET, api_keys::list)
        .add("/v1/projects/{ref}/config/database/pooler", Endpoint::GetPooler, MethodFilter::GET, pooler::get)
        .add(
            "/v1/projects/{ref}/database/password",
            Endpoint::UpdatePassword,
            MethodFilter::PATCH,
            projects::update_password,
        )
        .add("/v1/projects/{ref}/config/auth", Endpoint::GetAuthConfig, MethodFilter::GET, auth_config::get)
        .add("/v1/projects/{ref}/config/auth", Endpoint::UpdateAuthConfig, MethodFilter::PATCH, auth_config::update)
        .add("/v1/organizations", Endpoint::ListOrganizations, MethodFilter::GET, organizations::list)
        .add("/v1/organizations/{slug}", Endpoint::GetOrganization, MethodFilter::GET, organizations::get)
        .add(
            "/v1/organizations/{slug}/projects",
            Endpoint::ListOrganizationProjects,
            MethodFilter::GET,
            organizations::projects,
        )
        .router
        // Like an unknown path, not 405.
        .method_not_allowed_fallback(no_such_route)
}

/// What every unknown path answers.
pub(crate) async fn no_such_route(method: Method, uri: Uri) -> Response {
    let message = format!("Cannot {method} {}", uri.path());
    (StatusCode::NOT_FOUND, axum::Json(json!({"message": message}))).into_response()
}

struct Routes<'a> {
    cloud: &'a Arc<Cloud>,
    router: Router,
}

impl Routes<'_> {
    /// One endpoint behind its gate.
    fn add<H, T>(self, path: &str, endpoint: Endpoint, method: MethodFilter, handler: H) -> Self
    where
        H: Handler<T, Arc<Cloud>>,
        T: 'static,
    {
        let gate = Gate { cloud: self.cloud.clone(), endpoint };
        let route: MethodRouter<Arc<Cloud>> = on(method, handler).route_layer(from_fn_with_state(gate, pass));
        Self { router: self.router.route(path, route.with_state(self.cloud.clone())), ..self }
    }
}

#[derive(Clone)]
struct Gate {
    cloud: Arc<Cloud>,
    endpoint: Endpoint,
}

/// What all endpoints have in common, in this order: token, scope, rate limit, known parameters.
async fn pass(State(gate): State<Gate>, parameters: RawPathParams, mut request: Request, next: Next) -> Response {
    let Gate { cloud, endpoint } = gate;
    if !is_authorized(&cloud, request.headers()) {
        return ApiError::Unauthorized.into_response();
    }
    let scope = match scope(&cloud, endpoint, &parameters) {
        Ok(scope) => scope,
        Err(refused) => return refused.into_response(),
    };
    let scope_name = match &scope {
        Scope::Project(project) => project.reference.clone(),
        Scope::Organization => cloud.settings.organization.clone(),
        Scope::User => USER.to_owned(),
    };
    cloud.calls.count(&scope_name, endpoint);
    let allowance = cloud.calls.admit(&scope_name, endpoint, cloud.settings.requests_per_minute);
    let mut response = if allowance.is_some_and(|allowance| allowance.remaining.is_none()) {
        ApiError::Throttled.into_response()
    } else if let Some(unknown) = unknown_parameter(endpoint, request.uri().query()) {
        ApiError::Invalid(format!("unknown query parameter '{unknown}'")).into_response()
    } else {
        if let Scope::Project(project) = scope {
            request.extensions_mut().insert(project);
        }
        // A task of its own: what has begun is finished although the client hangs up, as at any real service.
        tokio::spawn(next.run(request)).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    };
    if let Some(allowance) = allowance {
        announce(response.headers_mut(), allowance);
    }
    response
}

fn is_authorized(cloud: &Cloud, headers: &HeaderMap) -> bool {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    token.and_then(|value| value.strip_prefix("Bearer ")) == Some(cloud.settings.access_token.expose_secret())
}

enum Scope {
    Project(Arc<Project>),
    Organization,
    User,
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
        Endpoint::ListApiKeys => &["reveal"],
        Endpoint::ListOrganizationProjects => &["offset", "limit", "search", "sort", "statuses"],
        Endpoint::AvailableRegions => &["organization_slug", "continent", "desired_instance_size"],
        _ => &[],
    };
    let mut names = form_urlencoded::parse(query?.as_bytes()).map(|(name, _)| name);
    names.find(|name| !known.contains(&name.as_ref())).map(std::borrow::Cow::into_owned)
}

fn announce(headers: &mut HeaderMap, allowance: Allowance) {
    let remaining = allowance.remaining.unwrap_or(0);
    headers.insert("x-ratelimit-limit", HeaderValue::from(allowance.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(allowance.reset));
}
