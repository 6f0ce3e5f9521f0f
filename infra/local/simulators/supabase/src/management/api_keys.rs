//! `/v1/projects/{ref}/api-keys`: listing, creating and deleting keys, and disabling the legacy ones. A project has one key of each
//! kind here, named `default`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use simulator::json_object;
use uuid::Uuid;

use super::error::ApiError;
use crate::keys::{KeyKind, OpaqueKey};
use crate::project::Project;

/// Everybody may see so many characters of a key after `sb_secret_`.
const PREFIX_RANDOM_CHARACTERS: usize = 5;

pub(super) async fn list(
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<Value>>, ApiError> {
    let reveal = reveal(query.as_deref().unwrap_or_default())?;
    let keys = project.keys();
    // Legacy keys are listed whether or not they are enabled.
    let mut entries = vec![
        entry(&project, "anon", "legacy", "anon", &keys.anon, reveal),
        entry(&project, "service_role", "legacy", "service_role", &keys.service_role, reveal),
    ];
    let current = [(KeyKind::Publishable, &keys.publishable), (KeyKind::Secret, &keys.secret)];
    entries
        .extend(current.iter().filter_map(|(kind, key)| Some(current_entry(&project, *kind, key.as_ref()?, reveal))));
    Ok(Json(entries))
}

pub(super) async fn create(
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let reveal = reveal(query.as_deref().unwrap_or_default())?;
    let CreateKey { kind, name, secret_jwt_template, .. } = json_object(&headers, &body)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !(4..=64).contains(&name.len())
        || !name.bytes().all(fits)
        || name.starts_with(|first: char| first.is_ascii_digit())
    {
        return Err(ApiError::Invalid("name must match ^[a-z_][a-z0-9_]+$".to_owned()));
    }
    let kind = match kind {
        NewKind::Publishable => KeyKind::Publishable,
        // A secret key without a role would reach nothing.
        NewKind::Secret if secret_jwt_template.is_some_and(|claims| claims.role == "service_role") => KeyKind::Secret,
        NewKind::Secret => return Err(ApiError::Invalid("secret_jwt_template must have a role".to_owned())),
    };
    if name != "default" {
        return Err(ApiError::Invalid("this stand-in has keys named default only".to_owned()));
    }
    let key = project.create_key(kind).ok_or(ApiError::KeyNameTaken)?;
    tracing::info!(reference = project.reference, id = %key.id, "API key created");
    Ok((StatusCode::CREATED, Json(current_entry(&project, kind, &key, reveal))))
}

pub(super) async fn delete(
    Extension(project): Extension<Arc<Project>>,
    Path((_, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let id = Uuid::try_parse(&id).map_err(|_| ApiError::Invalid("id must be a UUID".to_owned()))?;
    let Deletion { reveal, .. } = serde_urlencoded::from_str(query.as_deref().unwrap_or_default())?;
    let (kind, key) = project.delete_key(id).ok_or(ApiError::KeyNotFound)?;
    tracing::info!(reference = project.reference, %id, "API key deleted");
    Ok(Json(current_entry(&project, kind, &key, reveal)))
}

pub(super) async fn legacy(Extension(project): Extension<Arc<Project>>) -> Json<Value> {
    Json(json!({"enabled": project.keys().legacy_enabled}))
}

pub(super) async fn update_legacy(
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let Enabled { enabled } = serde_urlencoded::from_str(query.as_deref().unwrap_or_default())?;
    project.enable_legacy_keys(enabled);
    tracing::info!(reference = project.reference, enabled, "legacy API keys switched");
    Ok(Json(json!({"enabled": enabled})))
}

/// The specification's `CreateApiKeyBody`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateKey {
    #[serde(rename = "type")]
    kind: NewKind,
    name: String,
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    secret_jwt_template: Option<Claims>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NewKind {
    Publishable,
    Secret,
}

#[derive(Deserialize)]
struct Claims {
    role: String,
}

#[derive(Deserialize)]
struct Deletion {
    #[serde(default)]
    reveal: bool,
    #[serde(default, rename = "was_compromised")]
    _was_compromised: bool,
    #[serde(default, rename = "reason")]
    _reason: Option<String>,
}

#[derive(Deserialize)]
struct Enabled {
    enabled: bool,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    reveal: bool,
}

fn reveal(query: &str) -> Result<bool, ApiError> {
    let Asked { reveal } = serde_urlencoded::from_str(query)?;
    Ok(reveal)
}

fn current_entry(project: &Project, kind: KeyKind, key: &OpaqueKey, reveal: bool) -> Value {
    let kind = if kind == KeyKind::Secret { "secret" } else { "publishable" };
    entry(project, "default", kind, &key.id.to_string(), &key.value, reveal)
}

/// The specification's `ApiKeyResponse`.
fn entry(project: &Project, name: &str, kind: &str, id: &str, key: &str, reveal: bool) -> Value {
    let prefix = if kind == "legacy" { "eyJ" } else { prefix(key, &format!("sb_{kind}_")) };
    json!({
        "id": id,
        "name": name,
        "type": kind,
        "api_key": if reveal || kind == "publishable" { key.to_owned() } else { masked(prefix) },
        "prefix": prefix,
        "description": null,
        "hash": hex::encode(Sha256::digest(key)),
        "secret_jwt_template": (kind == "secret").then(|| json!({"role": "service_role"})),
        "inserted_at": project.created_at,
        "updated_at": project.created_at,
    })
}

fn prefix<'a>(key: &'a str, kind: &str) -> &'a str {
    key.get(..kind.len() + PREFIX_RANDOM_CHARACTERS).unwrap_or(key)
}

fn masked(prefix: &str) -> String {
    format!("{prefix}{}", "·".repeat(16))
}

#[cfg(test)]
mod tests {
    use super::{masked, prefix, reveal};

    #[test]
    fn secrets_are_shown_on_request_only() {
        assert!(!reveal("").unwrap());
        assert!(!reveal("reveal=false").unwrap());
        assert!(reveal("reveal=true").unwrap());
        assert!(reveal("reveal=1").is_err());
        assert_eq!(masked(prefix("sb_secret_abcdefgh", "sb_secret_")), "sb_secret_abcde················");
    }
}
