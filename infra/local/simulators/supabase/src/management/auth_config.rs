//! `…/config/auth`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde_json::{Map, Value};
use simulator::json_object;

use super::error::ApiError;
use crate::project::Project;

pub(super) async fn get(Extension(project): Extension<Arc<Project>>) -> Json<Map<String, Value>> {
    Json(project.auth_config().shown(&project.reference))
}

pub(super) async fn update(
    Extension(project): Extension<Arc<Project>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Map<String, Value>>, ApiError> {
    project.change_auth_config(json_object(&headers, &body)?).map_err(ApiError::Invalid)?;
    Ok(get(Extension(project)).await)
}
