//! One-time tokens (supabase/auth, `internal/api/verify.go`). A link that is opened uses its token up at once and leads on,
//! whoever opened it. A page can send the token instead, once somebody has asked for it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;

use super::body::parse;
use super::error::AuthError;
use super::invite::{Kind, hash};
use super::users::User;
use super::{address, redirect};
use crate::auth_config::AuthConfig;
use crate::cloud::Cloud;
use crate::keys;
use crate::project::Project;

/// The gateway lets pages of all origins use Auth.
const CORS: [(&str, &str); 3] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS"),
    ("access-control-allow-headers", "Accept,Authorization,Content-Type,apikey,x-client-info"),
];

/// The link in a mail. Always answers 303. The fragment of the target tells what happened, because only the browser sees
/// it. There is no token endpoint here, and so no refresh token.
pub(super) async fn follow(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, AuthError> {
    let query = query.unwrap_or_default();
    let parameter = |name| redirect::parameter(&query, name).unwrap_or_default();
    let (kind, token) = (parameter("type"), parameter("token"));
    if token.is_empty() {
        return Err(AuthError::Invalid("Verify requires a token or a token hash".to_owned()));
    }
    let config = project.applied_auth_config();
    let target = redirect::target(&config, &headers, Some(&query));
    let outcome = used_up(&cloud, &project, &config, &kind, &token).await;
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    match outcome {
        Ok(user) => {
            let seconds = lifetime(&config);
            fragment.append_pair("access_token", &project.keys().session(user.id, seconds));
            fragment.append_pair("expires_in", &seconds.to_string());
            fragment.append_pair("token_type", "bearer").append_pair("type", &kind);
        }
        Err(refused) => {
            fragment.append_pair("error", "access_denied").append_pair("error_code", refused.code());
            fragment.append_pair("error_description", &refused.to_string());
        }
    }
    let location = format!("{target}#{}", fragment.finish());
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// What a page sends.
#[derive(Deserialize)]
struct Exchange {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    token_hash: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    redirect_to: String,
}

/// Exchanges a token for a session.
pub(super) async fn exchange(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    body: Bytes,
) -> Result<Response, AuthError> {
    let asked: Exchange = parse(&body)?;
    let invalid = |text: &str| Err(AuthError::Invalid(text.to_owned()));
    if asked.kind.is_empty() {
        return invalid("Verify requires a verification type");
    }
    let token = match (asked.token.is_empty(), asked.token_hash.is_empty()) {
        (true, true) | (false, false) => return invalid("Verify requires either a token or a token hash"),
        (true, false) if !asked.email.is_empty() || !asked.redirect_to.is_empty() => {
            return invalid("Only the token_hash and type should be provided");
        }
        (true, false) => asked.token_hash,
        (false, true) => hash(&address::normalized(&asked.email)?, &asked.token),
    };
    let config = project.applied_auth_config();
    let user = used_up(&cloud, &project, &config, &asked.kind, &token).await?;
    let seconds = lifetime(&config);
    let session = json!({
        "access_token": project.keys().session(user.id, seconds),
        "token_type": "bearer",
        "expires_in": seconds,
        "expires_at": Timestamp::now().as_second() + seconds,
        "refresh_token": keys::random(12),
        "user": user,
    });
    Ok((CORS, Json(session)).into_response())
}

/// A browser asks whether a page of another origin may send JSON.
pub(super) async fn preflight() -> Response {
    (StatusCode::OK, CORS).into_response()
}

/// The user of a token, which works once and for as long as `mailer_otp_exp` says.
async fn used_up(
    cloud: &Cloud,
    project: &Project,
    config: &AuthConfig,
    kind: &str,
    token: &str,
) -> Result<User, AuthError> {
    let kinds: &[Kind] = match kind {
        "invite" | "signup" => &[Kind::Invite],
        "recovery" | "magiclink" => &[Kind::Recovery],
        "email" => &[Kind::Invite, Kind::Recovery],
        _ => return Err(AuthError::Invalid("Invalid email verification type".to_owned())),
    };
    let valid_for = f64::from(u32::try_from(config.number("mailer_otp_exp")).unwrap_or(u32::MAX));
    let session = cloud.database.session(Some(&project.reference)).await?;
    for kind in kinds {
        let accept = match kind {
            Kind::Invite => include_str!("../../sql/user-accept.sql"),
            Kind::Recovery => include_str!("../../sql/user-recovered.sql"),
        };
        if let Some(row) = session.query_opt(accept, &[&token, &valid_for]).await? {
            return Ok(User::from_row(&row)?.with_identities(&session).await?);
        }
    }
    let banned = session.query_opt(include_str!("../../sql/user-is-banned.sql"), &[&token]).await?;
    Err(if banned.is_some() { AuthError::Banned } else { AuthError::LinkExpired })
}

/// How long a session's first token is valid, in seconds.
fn lifetime(config: &AuthConfig) -> i64 {
    i64::try_from(config.number("jwt_exp")).unwrap_or(i64::MAX / 2)
}
