//! `GET /v1/projects/{ref}/config/database/pooler`.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::database::{database_name, role_name};
use crate::project::Project;

/// Two rows of the specification's `SupavisorConfigResponse`. There is no pooler, so both lead to Postgres itself, with
/// the user name that a pooler would expect.
pub(super) async fn get(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
) -> Json<Vec<Value>> {
    Json(["transaction", "session"].map(|mode| row(&cloud, &project, mode)).into())
}

fn row(cloud: &Cloud, project: &Project, mode: &str) -> Value {
    let host = cloud.settings.pooler_host.as_ref().unwrap_or(&cloud.database.host);
    let port = cloud.settings.pooler_port.unwrap_or(cloud.database.port);
    let (user, database) = (role_name(&project.reference), database_name(&project.reference));
    let url = format!("postgresql://{user}:[YOUR-PASSWORD]@{host}:{port}/{database}");
    json!({
        "identifier": project.reference,
        "database_type": "PRIMARY",
        "is_using_scram_auth": true,
        "db_user": user,
        "db_host": host,
        "db_port": port,
        "db_name": database,
        "connection_string": url,
        "connectionString": url,
        "default_pool_size": 15,
        "max_client_conn": 200,
        "pool_mode": mode,
    })
}
