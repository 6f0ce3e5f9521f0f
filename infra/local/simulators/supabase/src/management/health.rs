//! `GET /v1/projects/{ref}/health`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::{Extension, Json};
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::error::ApiError;
use crate::cloud::Cloud;
use crate::project::Project;
use crate::service::{AUTH_INFO, Service, ServiceStatus};

const MAX_TIMEOUT_MS: u32 = 10_000;

pub(super) async fn get(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<Value>>, ApiError> {
    let services = services(query.as_deref().unwrap_or_default())?;
    project.poll(&cloud.database).await.map_err(ApiError::during("retrieve project's service health status"))?;
    Ok(Json(services.into_iter().map(|service| health(service, project.service_status(service))).collect()))
}

/// Reads both forms in use, `services=auth&services=db` and `services=auth,db`.
fn services(query: &str) -> Result<Vec<Service>, ApiError> {
    let mut services = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "timeout_ms" {
            if !value.parse().is_ok_and(|timeout: u32| timeout <= MAX_TIMEOUT_MS) {
                return Err(ApiError::Invalid(format!("timeout_ms must be an integer from 0 to {MAX_TIMEOUT_MS}")));
            }
            continue;
        }
        for service in value.split(',') {
            let parsed = Service::deserialize(StrDeserializer::<ValueError>::new(service));
            services.push(parsed.map_err(|error| ApiError::Invalid(format!("services: {error}")))?);
        }
    }
    if services.is_empty() { Err(ApiError::Invalid("services should not be empty".to_owned())) } else { Ok(services) }
}

/// The specification's `V1ServiceHealthResponse`. `error` is a string that is itself JSON.
fn health(service: Service, status: ServiceStatus) -> Value {
    let mut health = json!({"name": service, "healthy": status == ServiceStatus::ActiveHealthy, "status": status});
    match (service, status) {
        (Service::Auth, ServiceStatus::ActiveHealthy) => health["info"] = json!(AUTH_INFO),
        (Service::Rest, ServiceStatus::ActiveHealthy) => health["info"] = json!({"db_schema": "public"}),
        (_, ServiceStatus::ActiveHealthy) => {}
        (Service::Pooler, ServiceStatus::Unhealthy) => health["error"] = json!(r#"{"error":"not found"}"#),
        (_, _) => health["error"] = json!(r#"{"error":"connection refused"}"#),
    }
    health
}

#[cfg(test)]
mod tests {
    use super::services;
    use crate::service::Service;

    #[test]
    fn both_forms_of_the_list_are_read() {
        let expected = vec![Service::Auth, Service::DbPostgresUser];
        assert_eq!(services("services=auth&services=db_postgres_user").unwrap(), expected);
        assert_eq!(services("services=auth%2Cdb_postgres_user&timeout_ms=10000").unwrap(), expected);
        for refused in ["", "services=", "services=auth,", "services=mail", "services=auth&timeout_ms=10001"] {
            assert!(services(refused).is_err(), "{refused}");
        }
    }
}
