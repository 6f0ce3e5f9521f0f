//! The stand-in's control API, on a separate port: the calls so far, and forced changes. It is not part of Supabase.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::{Cloud, CreateError, Names};
use crate::keys;
use crate::management::ApiError;
use crate::project::{Project, ProjectStatus};
use crate::region::Region;

pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new()
        .route("/admin/projects", get(list).post(seed))
        .route("/admin/projects/{ref}/status", put(impose))
        .route("/admin/projects/{ref}/keys", post(rotate_keys))
        .route("/admin/projects/{ref}/reloads", put(set_reloads))
        .route("/admin/listing", put(list_after))
        .route("/admin/clock", put(set_clock))
        .with_state(cloud)
}

/// Lists all projects, including deleted ones, with their calls by endpoint, and the calls that concern the
/// organization or the user. A project's `create_project` counts the requests for its name, including repetitions that
/// were refused.
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
    /// Creates it even if another project has the name, which the API refuses.
    #[serde(default)]
    duplicate: bool,
}

/// Creates a healthy project that does not belong to the control plane.
async fn seed(
    State(cloud): State<Arc<Cloud>>,
    Json(Seed { name, region, duplicate }): Json<Seed>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let password = SecretString::from(keys::random(32));
    let names = if duplicate { Names::Repeatable } else { Names::Unique };
    match cloud.create(name, region, &password, names).await {
        Ok(project) => Ok((StatusCode::CREATED, imposed(&cloud, &project, ProjectStatus::ActiveHealthy).await?)),
        Err(CreateError::NameTaken(_)) => Ok((StatusCode::CONFLICT, Json(json!({"message": "the name is taken"})))),
        Err(CreateError::Database(error)) => Err(ApiError::during("create project")(error)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imposed {
    status: ProjectStatus,
}

/// Forces a status on a project; `ACTIVE_HEALTHY` makes it healthy at once.
async fn impose(
    State(cloud): State<Arc<Cloud>>,
    Path(reference): Path<String>,
    Json(Imposed { status }): Json<Imposed>,
) -> Result<Json<Value>, ApiError> {
    let project = cloud.find(&reference).ok_or(ApiError::ProjectNotFound)?;
    imposed(&cloud, &project, status).await
}

async fn imposed(cloud: &Cloud, project: &Project, status: ProjectStatus) -> Result<Json<Value>, ApiError> {
    project.impose(status, &cloud.database).await.map_err(ApiError::during("impose a status"))?;
    Ok(Json(described(cloud, project)))
}

/// Replaces the project's keys, as a user of the dashboard can.
async fn rotate_keys(State(cloud): State<Arc<Cloud>>, Path(reference): Path<String>) -> Result<Json<Value>, ApiError> {
    let project = cloud.find(&reference).ok_or(ApiError::ProjectNotFound)?;
    project.rotate_keys();
    Ok(Json(described(&cloud, &project)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reloads {
    on: bool,
}

/// Sets whether the project's Auth notices changes of its configuration.
async fn set_reloads(
    State(cloud): State<Arc<Cloud>>,
    Path(reference): Path<String>,
    Json(Reloads { on }): Json<Reloads>,
) -> Result<Json<Value>, ApiError> {
    let project = cloud.find(&reference).ok_or(ApiError::ProjectNotFound)?;
    project.set_reloads(on);
    Ok(Json(described(&cloud, &project)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    scale: f64,
}

/// Lets time pass at another rate from now on.
async fn set_clock(State(cloud): State<Arc<Cloud>>, Json(Clock { scale }): Json<Clock>) -> StatusCode {
    if !(0.0..=1.0).contains(&scale) {
        return StatusCode::BAD_REQUEST;
    }
    cloud.set_clock_scale(scale);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    visible_after_ms: u64,
}

/// Delays new projects in listings from now on.
async fn list_after(State(cloud): State<Arc<Cloud>>, Json(Listing { visible_after_ms }): Json<Listing>) -> StatusCode {
    cloud.list_after(Duration::from_millis(visible_after_ms));
    StatusCode::NO_CONTENT
}
