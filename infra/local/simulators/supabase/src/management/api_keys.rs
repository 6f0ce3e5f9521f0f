//! `GET /v1/projects/{ref}/api-keys`.

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::{Extension, Json};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::ApiError;
use crate::project::Project;

/// How much of a key may be shown to anybody: `sb_secret_` and five more characters.
const PREFIX_RANDOM_CHARACTERS: usize = 5;

pub(super) async fn list(
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<Value>>, ApiError> {
    let reveal = reveal(query.as_deref().unwrap_or_default())?;
    let keys = project.keys();
    let legacy = |name: &str, key: &str| {
        let mut entry = entry(&project, name, "legacy", name, key, "eyJ");
        if !reveal {
            entry["api_key"] = json!(masked("eyJ"));
        }
        entry
    };
    let mut secret = entry(
        &project,
        "default",
        "secret",
        &keys.secret_id.to_string(),
        &keys.secret,
        prefix(&keys.secret, "sb_secret_"),
    );
    secret["secret_jwt_template"] = json!({"role": "service_role"});
    if !reveal {
        secret["api_key"] = json!(masked(prefix(&keys.secret, "sb_secret_")));
    }
    let publishable = entry(
        &project,
        "default",
        "publishable",
        &keys.publishable_id.to_string(),
        &keys.publishable,
        prefix(&keys.publishable, "sb_publishable_"),
    );
    Ok(Json(vec![legacy("anon", &keys.anon), legacy("service_role", &keys.service_role), publishable, secret]))
}

fn reveal(query: &str) -> Result<bool, ApiError> {
    let value = form_urlencoded::parse(query.as_bytes()).last();
    match value.as_ref().map(|(_, value)| value.as_ref()) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::Invalid("reveal must be a boolean string".to_owned())),
    }
}

/// The specification's `ApiKeyResponse`.
fn entry(project: &Project, name: &str, kind: &str, id: &str, key: &str, prefix: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "type": kind,
        "api_key": key,
        "prefix": prefix,
        "description": null,
        "hash": hex::encode(Sha256::digest(key)),
        "secret_jwt_template": null,
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
    fn a_secret_is_shown_only_to_who_asks_for_it() {
        assert!(!reveal("").unwrap());
        assert!(!reveal("reveal=false").unwrap());
        assert!(reveal("reveal=true").unwrap());
        assert!(reveal("reveal=1").is_err());
        assert_eq!(masked(prefix("sb_secret_abcdefgh", "sb_secret_")), "sb_secret_abcde················");
    }
}
