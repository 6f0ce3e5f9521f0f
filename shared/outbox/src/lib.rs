//! Delivers what a transaction promised: events and cache invalidations. Whoever committed the promise delivers it right
//! away; what is left behind then, the reconciler delivers.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Failure;
use secrecy::SecretString;
use secrets::{Name, Secrets};
use serde::{Deserialize, Serialize};
use store::{OutboxKind, OutboxRow, Store, StoreError};
use uuid::Uuid;
use valkey::Valkey;

/// How long the stream remembers an event's id: longer than any delivery is repeated.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// Payload of [`OutboxKind::PublishEvent`]. The row's id is added as `event_id`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// The stream's key.
    pub stream: String,
    /// Flat strings.
    pub fields: BTreeMap<String, String>,
}

/// Payload of [`OutboxKind::InvalidateCache`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Invalidation {
    /// The cache's keys.
    pub keys: Vec<String>,
}

/// The secret `control/valkey`.
#[derive(Deserialize)]
struct ValkeySecret {
    url: SecretString,
}

/// Delivers rows in their order; what cannot be delivered now is postponed. How many were delivered.
pub async fn deliver(store: &Store, secrets: &Secrets, rows: Vec<OutboxRow>) -> Result<usize, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let valkey = connect(secrets).await;
    let mut delivered = 0;
    for row in rows {
        let outcome = match &valkey {
            Ok(valkey) => deliver_one(valkey, &row).await,
            Err(failure) => Err(failure.clone()),
        };
        match outcome {
            Ok(()) => {
                store.outbox_delivered(row.id).await?;
                delivered += 1;
            }
            Err(failure) => {
                tracing::warn!(outbox_id = %row.id, tenant_id = %row.tenant_id, kind = ?row.kind, code = failure.cause.code, "postponed");
                store.outbox_postponed(row.id, &failure.cause.code).await?;
            }
        }
    }
    Ok(delivered)
}

/// The rows of these ids, right after the transaction that promised them. Trouble is left to the reconciler.
pub async fn deliver_now(store: &Store, secrets: &Secrets, ids: &[Uuid]) {
    let delivered = match store.outbox(ids).await {
        Ok(rows) => deliver(store, secrets, rows).await,
        Err(error) => Err(error),
    };
    if let Err(error) = delivered {
        tracing::warn!(%error, "the outbox is left to the reconciler");
    }
}

async fn connect(secrets: &Secrets) -> Result<Valkey, Failure> {
    let secret: ValkeySecret = secrets.read(Name::Control("valkey")).await?;
    Ok(Valkey::connect(&secret.url).await?)
}

async fn deliver_one(valkey: &Valkey, row: &OutboxRow) -> Result<(), Failure> {
    match row.kind {
        OutboxKind::InvalidateCache => {
            let invalidation: Invalidation = payload(row)?;
            valkey.unlink(&invalidation.keys).await?;
        }
        OutboxKind::PublishEvent => {
            let event: Event = payload(row)?;
            let id = row.id.to_string();
            let mut fields = vec![("event_id", id.as_str())];
            fields.extend(event.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            valkey.eviction_policy().await?;
            valkey.publish_once(&event.stream, row.id, &fields, REMEMBERED).await?;
        }
    }
    Ok(())
}

fn payload<T: serde::de::DeserializeOwned>(row: &OutboxRow) -> Result<T, Failure> {
    serde_json::from_value(row.payload.clone()).map_err(|_| {
        Failure::new(
            domain::FailureKind::Internal,
            "outbox_payload_unreadable",
            domain::Owner::Platform,
            "An outbox row's payload is not of this release's shape.",
        )
    })
}
