//! The public endpoints about Auth itself.

use std::sync::Arc;

use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use crate::project::Project;
use crate::service::{AUTH_INFO, AuthInfo};

/// Ways to sign in that cannot be switched on here.
const OFF: &str = "anonymous_users apple azure bitbucket discord facebook snapchat figma fly github gitlab google \
    keycloak kakao linkedin linkedin_oidc notion spotify slack slack_oidc workos twitch twitter phone zoom";

pub(super) async fn health() -> Json<AuthInfo> {
    Json(AUTH_INFO)
}

pub(super) async fn settings(Extension(project): Extension<Arc<Project>>) -> Json<Value> {
    let config = project.applied_auth_config();
    let mut external: Map<String, Value> = OFF.split_whitespace().map(|name| (name.to_owned(), json!(false))).collect();
    external.insert("email".to_owned(), json!(config.flag("external_email_enabled")));
    Json(json!({
        "external": external,
        "disable_signup": config.flag("disable_signup"),
        "mailer_autoconfirm": config.flag("mailer_autoconfirm"),
        "phone_autoconfirm": config.flag("sms_autoconfirm"),
        "sms_provider": config.text("sms_provider"),
        "saml_enabled": config.flag("saml_enabled"),
        "saml_private_key_next_configured": true,
        "passkeys_enabled": config.flag("passkey_enabled"),
    }))
}
