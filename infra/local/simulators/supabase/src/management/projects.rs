//! Creating, showing, deleting projects; the password of their database.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use simulator::json_object;
use url::Url;

use super::error::ApiError;
use crate::calls::Endpoint;
use crate::cloud::{Cloud, CreateError, Names};
use crate::project::Project;
use crate::region::Region;

const MAX_NAME_CHARACTERS: usize = 256;
const MIN_PASSWORD_CHARACTERS: usize = 4;
const INSTANCE_SIZES: &str = "nano micro small medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge \
    24xlarge 24xlarge_optimized_memory 24xlarge_optimized_cpu 24xlarge_high_memory \
    48xlarge 48xlarge_optimized_memory 48xlarge_optimized_cpu 48xlarge_high_memory";

/// The specification's `V1CreateProjectBody`, which allows no other field. Fields that Supabase ignores are ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateProject {
    db_pass: SecretString,
    name: String,
    organization_slug: String,
    region: Option<Region>,
    region_selection: Option<RegionSelection>,
    #[serde(rename = "desired_instance_size")]
    _desired_instance_size: Option<InstanceSize>,
    template_url: Option<String>,
    #[serde(rename = "organization_id")]
    _organization_id: Option<IgnoredAny>,
    #[serde(rename = "plan")]
    _plan: Option<IgnoredAny>,
    #[serde(rename = "kps_enabled")]
    _kps_enabled: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
enum RegionSelection {
    Specific { code: Region },
    SmartGroup { code: SmartGroup },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SmartGroup {
    Americas,
    Emea,
    Apac,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct InstanceSize;

impl TryFrom<String> for InstanceSize {
    type Error = String;

    fn try_from(size: String) -> Result<Self, String> {
        let mut known = INSTANCE_SIZES.split_whitespace();
        if known.any(|known| known == size) { Ok(Self) } else { Err(format!("unknown desired_instance_size '{size}'")) }
    }
}

impl CreateProject {
    /// Checks what the types cannot check, and chooses the region.
    fn checked(self, organization: &str) -> Result<(String, Region, SecretString), ApiError> {
        let invalid = |message: &str| Err(ApiError::Invalid(message.to_owned()));
        if self.name.is_empty() || self.name.chars().count() > MAX_NAME_CHARACTERS {
            return invalid("name must be longer than or equal to 1 and shorter than or equal to 256 characters");
        }
        if self.name.contains('.') {
            return invalid("name should not contain a . string");
        }
        check_password("db_pass", &self.db_pass)?;
        if self.template_url.is_some_and(|url| Url::parse(&url).is_err()) {
            return invalid("template_url must be a URL address");
        }
        if self.organization_slug != organization {
            return Err(ApiError::Forbidden);
        }
        let region = match (self.region, self.region_selection) {
            (Some(region), None) | (None, Some(RegionSelection::Specific { code: region })) => region,
            (None, Some(RegionSelection::SmartGroup { code })) => match code {
                SmartGroup::Americas => Region::AMERICAS,
                SmartGroup::Emea => Region::EMEA,
                SmartGroup::Apac => Region::APAC,
            },
            (Some(_), Some(_)) => return invalid("only one of region or region_selection can be specified"),
            // Supabase would choose a region. A client that must know where data is stored must not rely on that.
            (None, None) => return invalid("region_selection is required"),
        };
        Ok((self.name, region, self.db_pass))
    }
}

pub(super) async fn create(
    State(cloud): State<Arc<Cloud>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asked: CreateProject = json_object(&headers, &body)?;
    let (name, region, password) = asked.checked(&cloud.settings.organization)?;
    match cloud.create(name.clone(), region, &password, Names::Unique).await {
        Ok(project) => {
            cloud.calls.count(&project.reference, Endpoint::CreateProject);
            Ok((StatusCode::CREATED, Json(summary(&cloud, &project))))
        }
        Err(CreateError::NameTaken(reference)) => {
            cloud.calls.count(&reference, Endpoint::CreateProject);
            Err(ApiError::NameTaken(name))
        }
        Err(CreateError::Database(error)) => Err(ApiError::during("create project")(error)),
    }
}

pub(super) async fn list(State(cloud): State<Arc<Cloud>>) -> Json<Vec<Value>> {
    Json(cloud.listed().iter().map(|project| with_database(&cloud, project)).collect())
}

pub(super) async fn get(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
) -> Result<Json<Value>, ApiError> {
    project.poll(&cloud.database).await.map_err(ApiError::during("retrieve project"))?;
    if project.is_gone() {
        return Err(ApiError::ProjectNotFound);
    }
    Ok(Json(with_database(&cloud, &project)))
}

pub(super) async fn delete(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
) -> Result<Json<Value>, ApiError> {
    if !project.delete() {
        return Err(ApiError::ProjectNotFound);
    }
    cloud.database.remove(&project.reference).await.map_err(ApiError::during("delete project"))?;
    tracing::info!(reference = project.reference, "project deleted");
    Ok(Json(json!({"id": project.id, "ref": project.reference, "name": project.name})))
}

/// The specification's `V1UpdatePasswordBody`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdatePassword {
    password: SecretString,
}

pub(super) async fn update_password(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let UpdatePassword { password } = json_object(&headers, &body)?;
    check_password("password", &password)?;
    let changed = cloud.database.set_password(&project.reference, &password).await;
    changed.map_err(ApiError::during("update database password"))?;
    Ok(Json(json!({"message": "Successfully updated password"})))
}

fn check_password(field: &str, password: &SecretString) -> Result<(), ApiError> {
    if password.expose_secret().chars().count() < MIN_PASSWORD_CHARACTERS {
        let least = MIN_PASSWORD_CHARACTERS;
        return Err(ApiError::Invalid(format!("{field} must be longer than or equal to {least} characters")));
    }
    Ok(())
}

/// The specification's `V1ProjectResponse`.
fn summary(cloud: &Cloud, project: &Project) -> Value {
    json!({
        "id": project.reference,
        "ref": project.reference,
        "organization_id": cloud.settings.organization,
        "organization_slug": cloud.settings.organization,
        "name": project.name,
        "region": project.region.code(),
        "created_at": project.created_at,
        "status": project.status(),
    })
}

/// The specification's `V1ProjectWithDatabaseResponse`. Its host is the direct one; clients have to use the pooler's.
fn with_database(cloud: &Cloud, project: &Project) -> Value {
    let mut described = summary(cloud, project);
    described["database"] = json!({
        "host": format!("db.{}.supabase.co", project.reference),
        "version": "17.6.1.054",
        "postgres_engine": "17",
        "release_channel": "ga",
    });
    described
}
