//! A purge's step under the tenant's lease, and `control.purge_items`: what it proves of each resource.

use std::ops::Deref;
use std::time::Duration;

use domain::{CauseCode, Failure, ProvisioningState, PurgeState, PurgeStep, PurgedItem, StepState, TenantId};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::lease::written;
use crate::tenants::parsed;
use crate::{Catalog, Lease, NotBegun, Purge, Reader, StepTask, Store, StoreError};

/// The tenant's lease for one invocation of a purge's step. Whatever takes a [`Lease`] can be used with it; its
/// [`fence`](Lease::fence) also refuses under a legal hold.
pub struct PurgeLease<'a> {
    lease: Lease<'a>,
    purge: Purge,
}

impl<'a> Deref for PurgeLease<'a> {
    type Target = Lease<'a>;

    fn deref(&self) -> &Lease<'a> {
        &self.lease
    }
}

fn item(row: &Row) -> Result<PurgedItem, StoreError> {
    Ok(PurgedItem {
        kind: parsed(row, "kind")?,
        name: row.try_get("name")?,
        external_id: row.try_get("external_id")?,
        asked_at: row.try_get("asked_at")?,
        answered: row.try_get("answered")?,
        outcome: parsed(row, "outcome")?,
        why: row.try_get("why")?,
        until: row.try_get("until")?,
    })
}

impl Reader {
    /// What a tenant's purge proved so far, in the order of the steps.
    pub async fn purged_items(&self, tenant: TenantId) -> Result<Vec<PurgedItem>, StoreError> {
        let rows = self.read(include_str!("../sql/read/purge_items.sql"), &[(&tenant.0, Type::UUID)]).await?;
        rows.iter().map(item).collect()
    }
}

impl Store {
    /// As [`Store::begin_step`], for a step of a purge.
    pub async fn begin_purge_step(
        &self,
        task: StepTask<PurgeStep>,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<PurgeLease<'_>, NotBegun> {
        match self.begun(include_str!("../sql/purge_step_begin.sql"), task, token, work, invocation).await? {
            Some((lease, row)) => Ok(PurgeLease { lease, purge: Purge::beside_tenant(&row)? }),
            None => Err(self.why_purge_not_begun(task).await?),
        }
    }

    async fn why_purge_not_begun(&self, task: StepTask<PurgeStep>) -> Result<NotBegun, StoreError> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] =
            &[(&task.tenant_id.0, Type::UUID), (&task.step.number(), Type::INT2)];
        let rows = self.read(include_str!("../sql/purge_step_look.sql"), parameters).await?;
        let Some(row) = rows.first() else { return Ok(NotBegun::Superseded) };
        let state: PurgeState = parsed(row, "state")?;
        if row.try_get::<_, i32>("attempt")? != task.attempt {
            return Ok(NotBegun::Superseded);
        }
        let is_off = parsed::<ProvisioningState>(row, "provisioning_state")? == ProvisioningState::Deprovisioned;
        let completed = parsed::<StepState>(row, "step_state")? == StepState::Completed;
        Ok(match state {
            // The last step's answer may have been lost.
            PurgeState::Running | PurgeState::Done if completed => NotBegun::Completed,
            PurgeState::Running if is_off && row.try_get("held")? => NotBegun::Held,
            PurgeState::Running if is_off => NotBegun::Busy,
            _ => NotBegun::Superseded,
        })
    }
}

impl PurgeLease<'_> {
    /// The purge.
    #[must_use]
    pub const fn purge(&self) -> &Purge {
        &self.purge
    }

    /// Writes what is proved of a resource. Unless it is kept, its row of the ledger is dead from now on. It may be repeated; the
    /// last answer counts.
    pub async fn write_item(&self, item: &PurgedItem, ledger: Option<Uuid>) -> Result<(), Failure> {
        let proved: &[(&(dyn ToSql + Sync), Type)] = &[
            (&item.kind.as_str(), Type::TEXT),
            (&item.name, Type::TEXT),
            (&item.external_id, Type::TEXT),
            (&item.asked_at, Type::TIMESTAMPTZ),
            (&item.answered, Type::TEXT),
            (&item.outcome.as_str(), Type::TEXT),
            (&item.why, Type::TEXT),
            (&item.until, Type::TIMESTAMPTZ),
            (&ledger, Type::UUID),
            (&self.store.actor, Type::TEXT),
        ];
        self.write_step(include_str!("../sql/purge_item.sql"), proved).await
    }

    /// A catalog's data is gone: it is out of use, and its place is free for other tenants.
    pub async fn catalog_dropped(&self, catalog: &Catalog) -> Result<(), Failure> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&catalog.id.0, Type::UUID),
            (&self.store.actor, Type::TEXT),
        ];
        let row = self.store.query_opt(include_str!("../sql/purge_catalog_dropped.sql"), parameters).await;
        written(row.map(|row| row.is_some()))
    }

    /// The last step's transaction: keeps the certificate, ends the purge and the lease, and frees the slug if the certificate says
    /// so. It fails if the lease has ended, if the tenant is held, or if another step is not completed.
    pub async fn finish_purge(&self, certificate: &Value, release_slug: bool) -> Result<(), Failure> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (certificate, Type::JSONB),
            (&release_slug, Type::BOOL),
            (&self.purge.attempt, Type::INT4),
            (&self.store.actor, Type::TEXT),
        ];
        let row = self.store.query_opt(include_str!("../sql/purge_finish.sql"), parameters).await?;
        row.map(drop).ok_or_else(|| CauseCode::PurgeOvertaken.into())
    }
}
