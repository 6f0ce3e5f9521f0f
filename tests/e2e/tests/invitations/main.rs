//! Invitations that are not lost: links that scanners cannot use up and that live for a day, further mails, and other admins.

mod admins;
mod limits;
mod links;
mod refusals;

use anyhow::{Context as _, Result};
use e2e::{Cloud, links};
use serde_json::{Value, json};
use tokio_postgres::Client;
use url::Url;
use uuid::Uuid;

/// An active tenant with its project's database.
struct Tenant {
    cloud: Cloud,
    slug: String,
    id: Uuid,
    project_ref: String,
    database: Client,
}

/// What a link says.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    kind: String,
    token: String,
}

impl Tenant {
    async fn live(name: &str, order: Value) -> Result<Self> {
        let cloud = Cloud::from_env()?;
        let (slug, id) = cloud.live(name, order).await?;
        Self::of(cloud, slug, id).await
    }

    /// A tenant of the cheapest tier.
    async fn pilot(name: &str) -> Result<Self> {
        Self::live(name, json!({ "tier": "pilot" })).await
    }

    async fn of(cloud: Cloud, slug: String, id: Uuid) -> Result<Self> {
        let project_ref = cloud.environment(&slug).await?;
        let database = cloud.tenant_database(&project_ref).await?;
        Ok(Self { cloud, slug, id, project_ref, database })
    }

    fn email(&self) -> String {
        format!("admin@{}.example.com", self.slug)
    }

    /// The link of the last mail to an address.
    async fn link(&self, email: &str) -> Result<Link> {
        let mails = self.cloud.mails_to(email).await?;
        let link = links(mails.last().context("no mail")?).pop().context("no link")?;
        let link = Url::parse(&link)?;
        let value = |name: &str| link.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(value("project").as_ref(), Some(&self.project_ref), "{link}");
        Ok(Link { kind: value("type").context("no type")?, token: value("token_hash").context("no token")? })
    }

    /// Clicks on a link's page.
    async fn accept(&self, link: &Link) -> Result<u16> {
        self.cloud.verify(&self.project_ref, &link.kind, &link.token).await
    }

    /// Lets time pass for the mails that were sent to the tenant's users.
    async fn pass(&self, minutes: i32) -> Result<()> {
        let earlier = "UPDATE auth.users
                       SET confirmation_sent_at = confirmation_sent_at - make_interval(mins => $1), invited_at = invited_at - make_interval(mins => $1),
                           recovery_sent_at = recovery_sent_at - make_interval(mins => $1)";
        self.database.execute(earlier, &[&minutes]).await?;
        Ok(())
    }

    async fn is_confirmed(&self, email: &str) -> Result<bool> {
        let sql = "SELECT email_confirmed_at IS NOT NULL FROM auth.users WHERE email = $1";
        Ok(self.database.query_one(sql, &[&email]).await?.get(0))
    }

    /// Everybody in Auth with whether they are banned, and everybody in the IAM schema with status and whether they are admin.
    async fn people(&self) -> Result<(Vec<(String, bool)>, Vec<(String, String, bool)>)> {
        let users = "SELECT email, coalesce(banned_until > now(), false) FROM auth.users ORDER BY 1";
        let users = self.database.query(users, &[]).await?;
        let known = "SELECT email, status, EXISTS (SELECT FROM iam.user_roles AS granted
                                                   WHERE granted.user_id = users.user_id AND role_code = 'tenant_admin')
                     FROM iam.users ORDER BY 1";
        let known = self.database.query(known, &[]).await?;
        Ok((
            users.iter().map(|row| (row.get(0), row.get(1))).collect(),
            known.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect(),
        ))
    }
}
