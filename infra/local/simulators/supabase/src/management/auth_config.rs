//! `…/config/auth`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde_json::{Map, Value};
use simulator::json_object;

use super::error::ApiError;
use crate::cloud::Cloud;
use crate::project::{Project, RELOADED_AFTER};

pub(super) async fn get(Extension(project): Extension<Arc<Project>>) -> Json<Map<String, Value>> {
    Json(project.auth_config().shown(&project.reference))
}

pub(super) async fn update(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let changes: Map<String, Value> = json_object(&headers, &body)?;
    if cloud.settings.plan == "free" && changes.get("password_hibp_enabled") == Some(&Value::Bool(true)) {
        return Err(ApiError::PlanTooSmall);
    }
    project.change_auth_config(changes, cloud.scaled(RELOADED_AFTER))?;
    Ok(get(Extension(project)).await)
}
