//! Has tenants purged through the API, and follows it.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{Answer, Cloud};

/// The time for a purge while some others are at work: Supabase's stand-in takes a while to delete a project.
const GONE: Duration = Duration::from_mins(2);
/// How often a purge is looked at.
const POLL: Duration = Duration::from_millis(250);

impl Cloud {
    /// Sends `POST /v1/admin/tenants/{slug}/purge` with a confirmation and these fields. Any answer is returned.
    pub async fn purge_confirmed(&self, slug: &str, fields: &Value) -> Result<Answer> {
        let mut body = json!({ "confirm": slug });
        for (name, value) in fields.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.purge(slug, &body).await
    }

    /// Approves a purge as another consumer. Any answer is returned.
    pub async fn approve_purge(&self, slug: &str) -> Result<Answer> {
        self.approve_as(slug, &self.deputy_key).await
    }

    /// `GET /v1/admin/purges/{tenant_id}`.
    pub async fn purge_of(&self, tenant_id: Uuid) -> Result<Value> {
        self.get(&format!("/v1/admin/purges/{tenant_id}")).await?.expect(200)
    }

    /// Asks for a purge and has it approved, if that is needed. Returns it once it is done or has failed.
    pub async fn purged(&self, slug: &str, tenant_id: Uuid, fields: &Value) -> Result<Value> {
        self.purge_confirmed(slug, fields).await?.expect(202)?;
        if self.purge_of(tenant_id).await?["state"] == "waiting_approval" {
            self.approve_purge(slug).await?.expect(202)?;
        }
        self.purge_ends(tenant_id).await
    }

    /// Waits until a purge is done or has failed.
    pub async fn purge_ends(&self, tenant_id: Uuid) -> Result<Value> {
        let end = Instant::now() + GONE;
        loop {
            let purge = self.purge_of(tenant_id).await?;
            if purge["state"] != "running" {
                return Ok(purge);
            }
            ensure!(Instant::now() < end, "the purge took longer than {GONE:?}: {purge}");
            sleep(POLL).await;
        }
    }
}
