//! Recovery mails (supabase/auth, `internal/api/recover.go` and `mail.go`). Unlike an invitation, a user gets one of them
//! within `smtp_max_frequency` at most.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::parse;
use super::error::AuthError;
use super::invite::{Kind, Mail, Secret};
use super::{address, redirect};
use crate::cloud::Cloud;
use crate::project::Project;

/// The fields that Auth reads. Like Auth, this ignores others.
#[derive(Deserialize)]
struct Recovery {
    #[serde(default)]
    email: String,
}

/// Answers the same if there is no such user.
pub(super) async fn recover(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, AuthError> {
    let Recovery { email } = parse(&body)?;
    let email = address::normalized(&email)?;
    let config = project.applied_auth_config();
    let redirect_to = redirect::target(&config, &headers, query.as_deref());

    let mut session = cloud.database.session(Some(&project.reference)).await?;
    let transaction = session.transaction().await?;
    let row = transaction.query_opt(include_str!("../../sql/user-recovery-sent.sql"), &[&email]).await?;
    let Some(row) = row else { return Ok(Json(json!({}))) };
    let (id, sent): (Uuid, Option<Timestamp>) = (row.try_get("id")?, row.try_get("recovery_sent_at")?);
    let pause = cloud.scaled(Duration::from_secs(config.number("smtp_max_frequency")));
    let since = sent.map(|sent| Duration::try_from(Timestamp::now().duration_since(sent)).unwrap_or_default());
    if let Some(left) = since.and_then(|since| pause.checked_sub(since)).filter(|left| !left.is_zero()) {
        return Err(AuthError::TooSoon(left.as_secs()));
    }
    let secret = Secret::generate(&email);
    let mail = Mail { kind: Kind::Recovery, email: &email, secret: &secret, redirect_to: &redirect_to };
    mail.send(&cloud, &project, &config).await?;
    transaction.execute(include_str!("../../sql/user-recovery.sql"), &[&id, &secret.hash]).await?;
    transaction.commit().await?;
    Ok(Json(json!({})))
}
