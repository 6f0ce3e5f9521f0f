//! Delivers what a transaction promised: events and cache invalidations. The process that committed a promise delivers
//! it at once. The reconciler delivers promises that are still open.

#![warn(missing_docs)]

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{CauseCode, Failure};
use lambda_kit::{Budget, Read, needs};
use secrets::ValkeySecret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{OutboxKind, OutboxRow, Store, StoreError};
use tenant_cache::{CacheEntries, TenantCache};
use uuid::Uuid;
use valkey::Valkey;

/// How long the stream remembers an event's id. Deliveries are not repeated for longer than that.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// How long a request waits until cache entries are removed.
const FOR_AN_ANSWER: Duration = Duration::from_secs(2);

/// Payload of [`OutboxKind::PublishEvent`]. The row's id is added as `event_id`. The payload of
/// [`OutboxKind::InvalidateCache`] is [`CacheEntries`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// The stream's key.
    pub stream: String,
    /// Flat strings.
    pub fields: BTreeMap<String, String>,
}

needs! {
    /// Delivers promises.
    pub struct Outbox {
        valkey: Read<ValkeySecret>,
        cache: TenantCache,
    }
}

impl Outbox {
    /// Delivers rows in their order. A row that cannot be delivered now is postponed, and so are the tenant's later
    /// rows. Returns how many were delivered.
    pub async fn deliver(&self, store: &Store, rows: Vec<OutboxRow>, budget: Budget) -> Result<usize, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let valkey = self.connect().await;
        let mut held_up = BTreeMap::new();
        let mut delivered = 0;
        for row in rows {
            if budget.is_over() {
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
                    let code = failure.code().as_str();
                    tracing::warn!(outbox_id = %row.id, tenant_id = %row.tenant_id, kind = ?row.kind, code, "postponed");
                    store.outbox_postponed(row.id, code).await?;
                    held_up.insert(row.tenant_id.0, failure);
                }
            }
        }
        Ok(delivered)
    }

    /// Delivers the rows of these ids, right after the transaction that promised them. Returns whether all of them are
    /// delivered. If not, the reconciler delivers them later.
    pub async fn deliver_now(&self, store: &Store, ids: &[Uuid], budget: Budget) -> bool {
        let delivered = async {
            let rows = store.outbox(ids).await?;
            let count = rows.len();
            Ok::<_, StoreError>(self.deliver(store, rows, budget).await? == count)
        };
        delivered.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox is left to the reconciler");
            false
        })
    }

    /// Whether a tenant's cache entries are removed before a request that depends on it is answered. `promise` is the
    /// promised invalidation. If nothing changed, there is no promise, and the entries are removed at once. The
    /// reconciler delivers an invalidation that is late.
    pub async fn invalidated(
        &self,
        store: &Store,
        promise: Option<Uuid>,
        entries: &CacheEntries,
        budget: Budget,
    ) -> bool {
        let budget = budget.at_most(FOR_AN_ANSWER);
        let gone = async {
            match promise {
                Some(id) => self.deliver_now(store, &[id], budget).await,
                None => self.cache.remove(entries).await.is_ok(),
            }
        };
        let gone = budget.spend(gone).await.unwrap_or_default();
        if !gone {
            tracing::warn!("the tenant's cache entries could not be removed yet");
        }
        gone
    }

    async fn connect(&self) -> Result<Valkey, Failure> {
        let secret = self.valkey.read().await?;
        Ok(Valkey::connect(&secret.url, secret.ca_pem.as_deref()).await?)
    }
}

async fn deliver_one(valkey: &Valkey, row: &OutboxRow) -> Result<(), Failure> {
    match row.kind {
        OutboxKind::InvalidateCache => {
            let entries: CacheEntries = payload(row)?;
            valkey.unlink(&entries.keys).await?;
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

fn payload<T: DeserializeOwned>(row: &OutboxRow) -> Result<T, Failure> {
    serde_json::from_value(row.payload.clone()).map_err(|_| CauseCode::OutboxPayloadUnreadable.into())
}
