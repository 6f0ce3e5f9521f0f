//! `control.outbox`: promises of committed transactions, which are kept in other systems.

use domain::TenantId;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::{Store, StoreError};

/// The kind of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxKind {
    /// Append an event to a stream.
    PublishEvent,
    /// Remove cache entries.
    InvalidateCache,
}

/// An open promise.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// The row's id, which is also an event's `event_id`.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: TenantId,
    /// What to do.
    pub kind: OutboxKind,
    /// The payload of that kind.
    pub payload: Value,
}

impl TryFrom<&Row> for OutboxRow {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let kind = match row.try_get::<_, &str>("kind")? {
            "publish_event" => OutboxKind::PublishEvent,
            "invalidate_cache" => OutboxKind::InvalidateCache,
            _ => return Err(StoreError::Broken("kind".to_owned())),
        };
        Ok(Self {
            id: row.try_get("id")?,
            tenant_id: TenantId(row.try_get("tenant_id")?),
            kind,
            payload: row.try_get("payload")?,
        })
    }
}

/// A promise that is kept under the tenant's lease, in a module of its own: Stripe may not be at the tenant's tier.
#[derive(Clone, Copy, Debug)]
pub struct OpenPromise {
    /// The promise.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: TenantId,
}

impl TryFrom<&Row> for OpenPromise {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.try_get("id")?, tenant_id: TenantId(row.try_get("tenant_id")?) })
    }
}

/// Skips rows that this release cannot read: another release wrote them and delivers them.
fn readable(rows: &[Row]) -> Vec<OutboxRow> {
    let read =
        |row| OutboxRow::try_from(row).inspect_err(|error| tracing::warn!(%error, "an outbox row was skipped")).ok();
    rows.iter().filter_map(read).collect()
}

impl Store {
    /// The rows of these ids that are still to be delivered, in the order they were promised.
    pub async fn outbox(&self, ids: &[Uuid]) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self.read(include_str!("../sql/outbox_of.sql"), &[(&ids, Type::UUID_ARRAY)]).await?;
        Ok(readable(&rows))
    }

    /// Rows that are due, the longest overdue first.
    pub async fn outbox_due(&self, limit: i64) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self.read(include_str!("../sql/outbox_due.sql"), &[(&limit, Type::INT8)]).await?;
        Ok(readable(&rows))
    }

    /// How many promises were tried this often and are still open, including billing intents.
    pub async fn outbox_stuck(&self, attempts: i32) -> Result<i64, StoreError> {
        let rows = self.read(include_str!("../sql/outbox_stuck.sql"), &[(&attempts, Type::INT4)]).await?;
        Ok(rows.first().map(|row| row.try_get("stuck")).transpose()?.unwrap_or_default())
    }

    /// Closes a promise that was kept.
    pub async fn outbox_delivered(&self, id: Uuid) -> Result<(), StoreError> {
        self.query(include_str!("../sql/outbox_delivered.sql"), &[(&id, Type::UUID)]).await.map(drop)
    }

    /// Leaves a promise open, to be tried again later. `code` is the code of the cause.
    pub async fn outbox_postponed(&self, id: Uuid, code: &str) -> Result<(), StoreError> {
        self.query(include_str!("../sql/outbox_postponed.sql"), &[(&id, Type::UUID), (&code, Type::TEXT)])
            .await
            .map(drop)
    }
}
