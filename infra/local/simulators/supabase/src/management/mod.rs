//! The Management API, `/v1/…`.

mod api_keys;
mod auth_config;
mod error;
mod gate;
mod health;
mod organizations;
mod pooler;
mod projects;

use std::sync::Arc;

use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use axum::{Json, Router};
use serde_json::json;

use crate::calls::Endpoint;
use crate::cloud::Cloud;
use crate::routes::Routes;
pub(crate) use error::ApiError;

pub(crate) fn router(cloud: &Arc<Cloud>) -> Router {
    const GET: MethodFilter = MethodFilter::GET;
    const PATCH: MethodFilter = MethodFilter::PATCH;
    Routes {
        cloud: Arc::clone(cloud),
        gate: |route, parameters, request, next| Box::pin(gate::pass(route, parameters, request, next)),
        prefix: "/v1",
        router: Router::new(),
    }
    .add(GET, "/projects", Endpoint::ListProjects, projects::list)
    .add(MethodFilter::POST, "/projects", Endpoint::CreateProject, projects::create)
    .add(GET, "/projects/available-regions", Endpoint::AvailableRegions, organizations::available_regions)
    .add(GET, "/projects/{ref}", Endpoint::GetProject, projects::get)
    .add(MethodFilter::DELETE, "/projects/{ref}", Endpoint::DeleteProject, projects::delete)
    .add(GET, "/projects/{ref}/health", Endpoint::GetHealth, health::get)
    .add(GET, "/projects/{ref}/api-keys", Endpoint::ListApiKeys, api_keys::list)
    .add(MethodFilter::POST, "/projects/{ref}/api-keys", Endpoint::CreateApiKey, api_keys::create)
    .add(MethodFilter::DELETE, "/projects/{ref}/api-keys/{id}", Endpoint::DeleteApiKey, api_keys::delete)
    .add(GET, "/projects/{ref}/api-keys/legacy", Endpoint::GetLegacyKeys, api_keys::legacy)
    .add(MethodFilter::PUT, "/projects/{ref}/api-keys/legacy", Endpoint::UpdateLegacyKeys, api_keys::update_legacy)
    .add(GET, "/projects/{ref}/config/database/pooler", Endpoint::GetPooler, pooler::get)
    .add(PATCH, "/projects/{ref}/database/password", Endpoint::UpdatePassword, projects::update_password)
    .add(GET, "/projects/{ref}/config/auth", Endpoint::GetAuthConfig, auth_config::get)
    .add(PATCH, "/projects/{ref}/config/auth", Endpoint::UpdateAuthConfig, auth_config::update)
    .add(GET, "/organizations", Endpoint::ListOrganizations, organizations::list)
    .add(GET, "/organizations/{slug}", Endpoint::GetOrganization, organizations::get)
    .add(GET, "/organizations/{slug}/projects", Endpoint::ListOrganizationProjects, organizations::projects)
    .router
    // Not 405: an unknown method is answered like an unknown path.
    .method_not_allowed_fallback(no_such_route)
}

/// Answers all unknown paths.
pub(crate) async fn no_such_route(method: Method, uri: Uri) -> Response {
    let message = format!("Cannot {method} {}", uri.path());
    (StatusCode::NOT_FOUND, Json(json!({"message": message}))).into_response()
}
