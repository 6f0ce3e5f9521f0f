//! The link in an invitation: it confirms the address once and leads to the target.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::error::AuthError;
use super::redirect;
use super::users::User;
use crate::cloud::Cloud;
use crate::project::Project;

/// Always answers 303. The fragment of the target tells what happened, because only the browser sees it. There is no
/// token endpoint here, and so no refresh token.
pub(super) async fn verify(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, AuthError> {
    let query = query.unwrap_or_default();
    let parameter = |name| redirect::parameter(&query, name).unwrap_or_default();
    let config = project.applied_auth_config();
    let target = redirect::target(&config, &headers, Some(&query));
    let lifetime = f64::from(u32::try_from(config.number("mailer_otp_exp")).unwrap_or(u32::MAX));
    let accepted = if parameter("type") == "invite" {
        let session = cloud.database.session(Some(&project.reference)).await?;
        session.query_opt(include_str!("../../sql/user-accept.sql"), &[&parameter("token"), &lifetime]).await?
    } else {
        None
    };
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    if let Some(row) = accepted {
        let seconds = i64::try_from(config.number("jwt_exp")).unwrap_or(i64::MAX / 2);
        fragment.append_pair("access_token", &project.keys().session(User::from_row(&row)?.id, seconds));
        fragment.append_pair("expires_in", &seconds.to_string());
        fragment.append_pair("token_type", "bearer").append_pair("type", "invite");
    } else {
        fragment.append_pair("error", "access_denied").append_pair("error_code", "otp_expired");
        fragment.append_pair("error_description", "Email link is invalid or has expired");
    }
    let location = format!("{target}#{}", fragment.finish());
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}
