//! Delivers what a transaction promised: events and cache invalidations. Whoever committed the promise delivers it right
//! away; what is left behind then, the reconciler delivers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::Failure;
use secrecy::SecretString;
use secrets::{Name, Secrets};
use serde::{Deserialize, Serialize};
use store::{OutboxKind, OutboxRow, Store, StoreError};
use uuid::Uuid;
use valkey::Valkey;

/// How long the stream remembers an event's id: longer than any delivery is repeated.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// How long whoever committed a promise stays to keep it.
const NOW: Duration = Duration::from_secs(10);

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

/// Delivers rows in their order within `budget`; what cannot be delivered now is postponed, and with it whatever else was
/// promised for the same tenant. How many were delivered.
pub async fn deliver(
    store: &Store,
    secrets: &Secrets,
    rows: Vec<OutboxRow>,
    budget: Duration,
) -> Result<usize, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let started = Instant::now();
    let valkey = connect(secrets).await;
    let mut held_up = BTreeMap::new();
    let mut delivered = 0;
    for row in rows {
        if started.elapsed() > budget {
            break;
        }
        let outcome = match (held_up.get(&row.tenant_id.0), &valkey) {
            (Some(failure), _) | (None, Err(failure)) => Err(Failure::clone(failure)),
            (None, Ok(valkey)) => deliver_one(valkey, &row).await,
        };
        match outcome {
            Ok(()) => {
                store.outbox_delivered(row.id).await?;
                delivered += 1;
            }
            Err(failure) => {
                let code = &failure.cause.code;
                tracing::warn!(outbox_id = %row.id, tenant_id = %row.tenant_id, kind = ?row.kind, code, "postponed");
                store.outbox_postponed(row.id, code).await?;
                held_up.insert(row.tenant_id.0, failure);
            }
        }
    }
    Ok(delivered)
}

/// The rows of these ids, right after the transaction that promised them. Trouble is left to the reconciler.
pub async fn deliver_now(store: &Store, secrets: &Secrets, ids: &[Uuid]) {
    let delivered = match store.outbox(ids).await {
        Ok(rows) => deliver(store, secrets, rows, NOW).await,
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
