//! Delivers what a transaction promised: events and cache invalidations. Whoever committed the promise delivers it right
//! away; what is left behind then, the reconciler delivers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::{Failure, names};
use secrecy::SecretString;
use secrets::{Name, Secrets};
use serde::{Deserialize, Serialize};
use store::{OutboxKind, OutboxRow, Store, StoreError, Tenant};
use tokio::time::timeout;
use uuid::Uuid;
use valkey::Valkey;

/// How long the stream remembers an event's id: longer than any delivery is repeated.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// How long whoever committed a promise stays to keep it.
const NOW: Duration = Duration::from_secs(10);

/// How long a request waits for cache entries to be gone.
const FOR_AN_ANSWER: Duration = Duration::from_secs(2);

const DEFAULT_CACHE_KEYS: &str = "tenant:slug:{slug},tenant:id:{tenant_id}";

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

/// The tenant's keys in the middleware's cache, by `TENANT_CACHE_KEYS`: a comma-separated list of templates.
#[must_use]
pub fn cache_keys(tenant: &Tenant) -> Vec<String> {
    let project_ref = tenant.supabase_project_ref.as_deref().unwrap_or_default();
    let templates = setting("TENANT_CACHE_KEYS").unwrap_or_else(|| DEFAULT_CACHE_KEYS.to_owned());
    let fill = |template: &str| names::fill(template.trim(), &tenant.slug, tenant.tenant_id, project_ref);
    templates.split(',').map(fill).collect()
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Removes cache entries now, where no transaction promised it.
pub async fn unlink(secrets: &Secrets, keys: &[String]) -> Result<(), Failure> {
    connect(secrets).await?.unlink(keys).await?;
    Ok(())
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

/// The rows of these ids, right after the transaction that promised them, and whether all of them are delivered now.
/// Trouble is left to the reconciler.
pub async fn deliver_now(store: &Store, secrets: &Secrets, ids: &[Uuid]) -> bool {
    let delivered = async {
        let rows = store.outbox(ids).await?;
        let count = rows.len();
        Ok::<_, StoreError>(deliver(store, secrets, rows, NOW).await? == count)
    };
    delivered.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the outbox is left to the reconciler");
        false
    })
}

/// Whether a tenant's cache entries are gone in time for the answer to a request that has to wait for it: those of the
/// promise with that id; at once, where nothing was promised because nothing changed. A promise that is late is kept by
/// the reconciler.
pub async fn invalidated(store: &Store, secrets: &Secrets, promise: Option<Uuid>, keys: &[String]) -> bool {
    let gone = async {
        match promise {
            Some(id) => deliver_now(store, secrets, &[id]).await,
            None => unlink(secrets, keys).await.is_ok(),
        }
    };
    let gone = timeout(FOR_AN_ANSWER, gone).await.unwrap_or_default();
    if !gone {
        tracing::error!("the tenant's cache entries could not be removed yet");
    }
    gone
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
