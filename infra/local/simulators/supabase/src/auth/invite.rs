//! Invitations by mail, or by a link that the caller delivers.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha224};
use tokio_postgres::{GenericClient, Transaction};
use url::form_urlencoded;

use super::body::parse;
use super::error::AuthError;
use super::users::User;
use super::{address, redirect};
use crate::auth_config::AuthConfig;
use crate::cloud::Cloud;
use crate::mail::{self, Placeholders};
use crate::project::Project;

/// Limit per hour of a project that has its own mail server and no limit in its settings.
const MAILS_PER_HOUR_WITH_SMTP: u64 = 30;

/// The fields that Auth reads. Like Auth, this ignores others.
#[derive(Deserialize)]
struct Invitation {
    #[serde(default)]
    email: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

pub(super) async fn invite(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<User>, AuthError> {
    let Invitation { email, data } = parse(&body)?;
    let email = address::normalized(&email)?;
    let config = project.applied_auth_config();
    let redirect_to = redirect::target(&config, &headers, query.as_deref());

    let mut session = cloud.database.session(Some(&project.reference)).await?;
    // The mail is sent within the transaction, so that an invitation that was not sent leaves no user behind.
    let transaction = session.transaction().await?;
    let user = unconfirmed(&transaction, &email, data).await?;
    let secret = Secret::generate(&email);
    let mail = Mail { kind: Kind::Invite, email: &email, secret: &secret, redirect_to: &redirect_to };
    mail.send(&cloud, &project, &config).await?;
    let user = invited(&transaction, &user, &secret.hash).await?;
    transaction.commit().await?;
    Ok(Json(user))
}

#[derive(Deserialize)]
struct LinkRequest {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    redirect_to: String,
    #[serde(flatten)]
    invitation: Invitation,
}

#[derive(Serialize)]
pub(super) struct GeneratedLink {
    #[serde(flatten)]
    user: User,
    action_link: String,
    email_otp: String,
    hashed_token: String,
    verification_type: &'static str,
    redirect_to: String,
}

pub(super) async fn generate_link(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<GeneratedLink>, AuthError> {
    let LinkRequest { kind, redirect_to, invitation: Invitation { email, data } } = parse(&body)?;
    let email = address::normalized(&email)?;
    if kind != "invite" {
        return Err(AuthError::Invalid(format!("Invalid email action link type requested: {kind}")));
    }
    let config = project.applied_auth_config();
    let redirect_to = if redirect::allowed(&config, &redirect_to) {
        redirect_to
    } else {
        redirect::target(&config, &headers, query.as_deref())
    };

    let mut session = cloud.database.session(Some(&project.reference)).await?;
    let transaction = session.transaction().await?;
    let user = unconfirmed(&transaction, &email, data).await?;
    let Secret { otp, hash } = Secret::generate(&email);
    let user = invited(&transaction, &user, &hash).await?;
    transaction.commit().await?;
    let action_link = action_link(&cloud, &project, Kind::Invite, &hash, &redirect_to);
    Ok(Json(GeneratedLink {
        user,
        action_link,
        email_otp: otp,
        hashed_token: hash,
        verification_type: "invite",
        redirect_to,
    }))
}

/// Finds or creates the user with this address. A user who has confirmed it cannot be invited again.
async fn unconfirmed(
    transaction: &Transaction<'_>,
    email: &str,
    data: Option<Map<String, Value>>,
) -> Result<User, AuthError> {
    if let Some(row) = transaction.query_opt(include_str!("../../sql/user-by-email.sql"), &[&email]).await? {
        let user = User::from_row(&row)?;
        return if user.email_confirmed_at.is_some() { Err(AuthError::EmailExists) } else { Ok(user) };
    }
    let metadata = Value::Object(data.unwrap_or_default());
    let row = transaction.query_one(include_str!("../../sql/user-insert.sql"), &[&email, &metadata]).await?;
    let user = User::from_row(&row)?;
    transaction.execute(include_str!("../../sql/identity-insert.sql"), &[&user.id, &email]).await?;
    Ok(user)
}

/// Stores the new token in place of the old one.
async fn invited(client: &impl GenericClient, user: &User, hash: &str) -> Result<User, AuthError> {
    let row = client.query_one(include_str!("../../sql/user-invited.sql"), &[&user.id, &hash]).await?;
    Ok(User::from_row(&row)?.with_identities(client).await?)
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Invite,
    Recovery,
}

impl Kind {
    /// As in links.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Recovery => "recovery",
        }
    }
}

/// A one-time password and its hash, which is in the links.
pub(super) struct Secret {
    otp: String,
    pub hash: String,
}

impl Secret {
    pub(super) fn generate(email: &str) -> Self {
        let otp = format!("{:06}", rand::rng().random_range(0..1_000_000_u32));
        let hash = hash(email, &otp);
        Self { otp, hash }
    }
}

/// The hash of a one-time password.
pub(super) fn hash(email: &str, otp: &str) -> String {
    hex::encode(Sha224::digest(format!("{email}{otp}")))
}

/// Like in Auth's links, the target comes last and is not encoded.
fn action_link(cloud: &Cloud, project: &Project, kind: Kind, hash: &str, redirect_to: &str) -> String {
    // Unless it would end the parameter.
    let target: String = form_urlencoded::byte_serialize(redirect_to.as_bytes()).collect();
    let target = if redirect_to.contains(['&', '#', '+', '%']) { target.as_str() } else { redirect_to };
    let (base, reference, kind) = (&cloud.base, &project.reference, kind.as_str());
    format!("{base}/projects/{reference}/auth/v1/verify?token={hash}&type={kind}&redirect_to={target}")
}

/// A mail with a link.
pub(super) struct Mail<'a> {
    pub kind: Kind,
    pub email: &'a str,
    pub secret: &'a Secret,
    pub redirect_to: &'a str,
}

impl Mail<'_> {
    pub(super) async fn send(&self, cloud: &Cloud, project: &Project, config: &AuthConfig) -> Result<(), AuthError> {
        let smtp = config.smtp();
        // If the project has no mail server, Supabase writes to the organization's team only.
        let team = || cloud.settings.team_emails.iter().any(|known| known.eq_ignore_ascii_case(self.email));
        if smtp.is_none() && !team() {
            return Err(AuthError::AddressNotAuthorized(self.email.to_owned()));
        }
        let default = if smtp.is_some() { Some(MAILS_PER_HOUR_WITH_SMTP) } else { None };
        if !project.may_mail(config.mails_per_hour(default)) {
            return Err(AuthError::TooManyMails);
        }
        let placeholders = Placeholders {
            link: &action_link(cloud, project, self.kind, &self.secret.hash, self.redirect_to),
            site_url: config.text("site_url"),
            email: self.email,
            otp: &self.secret.otp,
            hash: &self.secret.hash,
            redirect_to: self.redirect_to,
        };
        let name = self.kind.as_str();
        let subject = placeholders.fill(config.text(&format!("mailer_subjects_{name}")), false);
        let html = placeholders.fill(config.text(&format!("mailer_templates_{name}_content")), true);
        // The team that the built-in service writes to is not part of the local cloud.
        let Some(smtp) = smtp else { return Ok(()) };
        mail::send(&smtp, self.email, &subject, &html).await.map_err(|error| match self.kind {
            Kind::Invite => AuthError::Mail(error),
            Kind::Recovery => AuthError::RecoveryMail(error),
        })
    }
}
