//! `GET /v1/projects/{ref}/api-keys`.

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::error::ApiError;
use crate::project::Project;

/// Everybody may see so many characters of a key after `sb_secret_`.
const PREFIX_RANDOM_CHARACTERS: usize = 5;

pub(super) async fn list(
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<Value>>, ApiError> {
    let reveal = reveal(query.as_deref().unwrap_or_default())?;
    let keys = project.keys();
    let (publishable, secret) = (keys.publishable_id.to_string(), keys.secret_id.to_string());
    let entries = [
        ("anon", "legacy", "anon", &keys.anon),
        ("service_role", "legacy", "service_role", &keys.service_role),
        ("default", "publishable", &publishable, &keys.publishable),
        ("default", "secret", &secret, &keys.secret),
    ];
    Ok(Json(entries.map(|(name, kind, id, key)| entry(&project, name, kind, id, key, reveal)).into()))
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
