//! The stand-in's own control plane, on a port of its own: what was called, and a project's fate. No part of Supabase.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::{Cloud, CreateError, Names};
use crate::keys;
use crate::project::{Project, ProjectStatus, Region};

pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new()
        .route("/admin/projects", get(list).post(seed))
        .route("/admin/projects/{ref}/status", put(impose))
        .route("/admin/projects/{ref}/keys", post(rotate_keys))
        .route("/admin/listing", put(list_after))
        .with_state(cloud)
}

/// Every project there ever was, with its calls by endpoint, and the calls that concern the organization or the user.
///
/// A project's `create_project` counts the requests that asked for its name, refused repetitions included.
async fn list(State(cloud): State<Arc<Cloud>>) -> Json<Value> {
    let projects: Vec<_> = cloud.ever().iter().map(|project| described(&cloud, project)).collect();
    let organization = cloud.calls.of(&cloud.settings.organization);
    Json(json!({"projects": projects, "organization_calls": organization, "user_calls": cloud.calls.of("user")}))
}

fn described(cloud: &Cloud, project: &Project) -> Value {
    json!({
        "ref": project.reference,
        "name": project.name,
        "region": project.region.code(),
        "status": project.status(),
        "deleted": project.is_deleted(),
        "created_at": project.created_at,
        "calls": cloud.calls.of(&project.reference),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    name: String,
    region: Region,
    /// Beside whatever has the name already, which the API itself refuses.
    #[serde(default)]
    duplicate: bool,
}

/// A healthy project that somebody else created.
async fn seed(State(cloud): State<Arc<Cloud>>, Json(Seed { name, region, duplicate }): Json<Seed>) -> Response {
    let password = SecretString::from(keys::random(32));
    let names = if duplicate { Names::Repeatable } else { Names::Unique };
    match cloud.create_named(name, region, &password, names).await {
        Ok(project) => match project.impose(ProjectStatus::ActiveHealthy, &cloud.database).await {
            Ok(()) => (StatusCode::CREATED, Json(described(&cloud, &project))).into_response(),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
        },
        Err(error @ CreateError::NameTaken(_)) => refused(StatusCode::CONFLICT, &error),
        Err(error @ CreateError::Database(_)) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fate {
    status: ProjectStatus,
}

/// From now on the project has this status; `ACTIVE_HEALTHY` makes it well at once.
async fn impose(
    State(cloud): State<Arc<Cloud>>,
    Path(reference): Path<String>,
    Json(Fate { status }): Json<Fate>,
) -> Response {
    let Some(project) = cloud.find(&reference) else { return unknown() };
    match project.impose(status, &cloud.database).await {
        Ok(()) => Json(described(&cloud, &project)).into_response(),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

/// Somebody replaces the project's keys, as the dashboard allows.
async fn rotate_keys(State(cloud): State<Arc<Cloud>>, Path(reference): Path<String>) -> Response {
    let Some(project) = cloud.find(&reference) else { return unknown() };
    project.rotate_keys();
    Json(described(&cloud, &project)).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    visible_after_ms: u64,
}

/// Projects created from now on take so long to show up in listings.
async fn list_after(State(cloud): State<Arc<Cloud>>, Json(Listing { visible_after_ms }): Json<Listing>) -> StatusCode {
    cloud.list_after(visible_after_ms);
    StatusCode::NO_CONTENT
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"message": "no such project"}))).into_response()
}

fn refused(status: StatusCode, error: &dyn std::error::Error) -> Response {
    (status, Json(json!({"message": error.to_string()}))).into_response()
}
