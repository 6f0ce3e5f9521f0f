//! Users as they are stored and as Auth shows them.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

/// A row of `auth.users` with its identities, where Auth loads them. The order of the fields and which of them are left
/// out is as recorded.
#[derive(Debug, Serialize)]
pub(super) struct User {
    pub id: Uuid,
    aud: String,
    role: String,
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_confirmed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_at: Option<Timestamp>,
    phone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation_sent_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<Timestamp>,
    #[serde(rename = "app_metadata")]
    app: Value,
    #[serde(rename = "user_metadata")]
    metadata: Value,
    identities: Option<Vec<StoredIdentity>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    is_anonymous: bool,
}

/// A row of `auth.identities`. Its `id` is the provider's, which for e-mail is the user's.
#[derive(Debug, Serialize)]
struct StoredIdentity {
    identity_id: Uuid,
    id: String,
    user_id: Uuid,
    identity_data: Value,
    provider: String,
    last_sign_in_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    email: Option<String>,
}

impl User {
    /// A row of any of the `user-*.sql` queries, without identities.
    pub(super) fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let text =
            |column: &str| Ok::<_, tokio_postgres::Error>(row.try_get::<_, Option<_>>(column)?.unwrap_or_default());
        Ok(Self {
            id: row.try_get("id")?,
            aud: text("aud")?,
            role: text("role")?,
            email: text("email")?,
            email_confirmed_at: row.try_get("email_confirmed_at")?,
            invited_at: row.try_get("invited_at")?,
            phone: text("phone")?,
            confirmation_sent_at: row.try_get("confirmation_sent_at")?,
            confirmed_at: row.try_get("confirmed_at")?,
            last_sign_in_at: row.try_get("last_sign_in_at")?,
            app: row.try_get("raw_app_meta_data")?,
            metadata: row.try_get("raw_user_meta_data")?,
            identities: None,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            is_anonymous: row.try_get("is_anonymous")?,
        })
    }

    /// The same user with its identities.
    pub(super) async fn with_identities(self, client: &impl GenericClient) -> Result<Self, tokio_postgres::Error> {
        let rows = client.query(include_str!("../../sql/identities.sql"), &[&self.id]).await?;
        let identities = rows.iter().map(StoredIdentity::from_row).collect::<Result<_, _>>()?;
        Ok(Self { identities: Some(identities), ..self })
    }

    /// As the confirming request itself shows the user: Auth does not read the generated column again.
    pub(super) fn just_confirmed(self) -> Self {
        Self { confirmed_at: None, ..self }
    }
}

impl StoredIdentity {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            identity_id: row.try_get("id")?,
            id: row.try_get("provider_id")?,
            user_id: row.try_get("user_id")?,
            identity_data: row.try_get("identity_data")?,
            provider: row.try_get("provider")?,
            last_sign_in_at: row.try_get("last_sign_in_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            email: row.try_get("email")?,
        })
    }
}
