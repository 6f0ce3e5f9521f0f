//! What is written about further mails to a tenant's admin.

use std::time::Duration;

use domain::{AdminEmail, CauseCode, Failure};
use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::tenants::Tenant;
use crate::{Author, Lease, Resource, StoreError};

/// A mail that was sent, and everything behind it done.
#[derive(Debug)]
pub struct Invited<'a> {
    /// The ledger's row of the mail.
    pub mail: &'a Resource,
    /// What its request becomes: what was asked for, and what was done.
    pub done: &'a str,
    /// The address of the tenant's admin from now on.
    pub email: &'a AdminEmail,
    /// The admin's id in the project's Auth.
    pub user: Uuid,
    /// What kind of mail it was, for the audit log.
    pub kind: &'static str,
    /// The payload of the promised cache invalidation, if the address is another one.
    pub invalidation: &'a Value,
    /// By whom, for the audit log.
    pub author: Author<'a>,
}

/// The mails to a tenant's admins within an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentMails {
    /// How many there were.
    pub mails: i64,
    /// When the first of them is an hour old.
    pub until_fewer: Duration,
}

/// The last further mail to a tenant's admins.
#[derive(Clone, Debug)]
pub struct LastMail {
    /// To whom.
    pub email: String,
    /// What was asked for, and what was done.
    pub done: Option<String>,
    /// How long ago it was sent.
    pub age: Duration,
}

/// The statements that only an invitation makes under its lease.
impl Lease<'_> {
    /// How many mails were sent within an hour.
    pub async fn recent_mails(&self) -> Result<RecentMails, Failure> {
        let recent = async {
            let sql = include_str!("../sql/admin_mails.sql");
            let rows = self.store.read(sql, &[(&self.tenant.tenant_id.0, Type::UUID)]).await?;
            let row = rows.first().ok_or_else(|| StoreError::Broken("no row".to_owned()))?;
            let until_fewer = Duration::try_from_secs_f64(row.try_get("until_fewer")?).unwrap_or_default();
            Ok::<_, StoreError>(RecentMails { mails: row.try_get("mails")?, until_fewer })
        };
        Ok(recent.await?)
    }

    /// The last further mail, unless its request was not finished.
    pub async fn last_mail(&self) -> Result<Option<LastMail>, Failure> {
        let last = async {
            let sql = include_str!("../sql/admin_mail_last.sql");
            let rows = self.store.read(sql, &[(&self.tenant.tenant_id.0, Type::UUID)]).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            let age = Duration::try_from_secs_f64(row.try_get("age_secs")?).unwrap_or_default();
            Ok::<_, StoreError>(Some(LastMail { email: row.try_get("name")?, done: row.try_get("request")?, age }))
        };
        Ok(last.await?)
    }

    /// Writes that the mail was sent, and gives the lease back.
    pub async fn invited(&self, invited: Invited<'_>) -> Result<Tenant, Failure> {
        let row = self
            .store
            .query_opt(
                include_str!("../sql/tenant_invited.sql"),
                &[
                    (&self.tenant.tenant_id.0, Type::UUID),
                    (&self.token, Type::TEXT),
                    (&invited.email.as_str(), Type::TEXT),
                    (&invited.mail.id, Type::UUID),
                    (&invited.user.to_string(), Type::TEXT),
                    (&Uuid::now_v7(), Type::UUID),
                    (&Uuid::now_v7(), Type::UUID),
                    (invited.invalidation, Type::JSONB),
                    (&Uuid::now_v7(), Type::UUID),
                    (&invited.author.actor, Type::TEXT),
                    (&invited.author.request_id, Type::TEXT),
                    (&invited.kind, Type::TEXT),
                    (&invited.done, Type::TEXT),
                    (&invited.author.address, Type::INET),
                ],
            )
            .await?;
        let row = row.ok_or_else(|| Failure::from(CauseCode::LeaseLapsed))?;
        Ok(Tenant::try_from(&row)?)
    }
}
