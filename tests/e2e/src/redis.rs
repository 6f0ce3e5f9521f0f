//! Connections to Valkey and to each region's `FalkorDB`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, AsyncConnectionConfig, Client};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::Cloud;
use crate::variables::variable;

/// The library's default is half a second, which is too short on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

const PROVISIONED: &str = "iam:tenants:provisioned";
/// If step 9 dies after its transaction, the reconciler delivers the event within a minute.
const DELIVERY: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(250);

/// The fields of an event.
pub type Event = BTreeMap<String, String>;

impl Cloud {
    /// The control plane's Valkey.
    pub async fn valkey(&self) -> Result<MultiplexedConnection> {
        connect(&variable("VALKEY_URL")?).await
    }

    /// A region's `FalkorDB`, as the administrator.
    pub async fn falkordb(&self, region: &str) -> Result<MultiplexedConnection> {
        connect(&falkordb_url(region)?).await
    }

    /// A region's `FalkorDB`, as a tenant's user.
    pub async fn falkordb_as(&self, region: &str, user: &str, password: &str) -> Result<MultiplexedConnection> {
        let mut url = Url::parse(&falkordb_url(region)?)?;
        url.set_username(user).ok().context("a user's name")?;
        url.set_password(Some(password)).ok().context("a password")?;
        connect(url.as_str()).await
    }

    /// Caches a value about a tenant under the middleware's keys.
    pub async fn cache(&self, slug: &str, tenant_id: impl std::fmt::Display) -> Result<()> {
        let mut valkey = self.valkey().await?;
        for key in cache_keys(slug, tenant_id) {
            let () = valkey.set(key, "stale").await?;
        }
        Ok(())
    }

    /// How many of these keys are cached.
    pub async fn cached(&self, slug: &str, tenant_id: impl std::fmt::Display) -> Result<u64> {
        Ok(self.valkey().await?.exists(&cache_keys(slug, tenant_id)).await?)
    }

    /// The fields of each event of a tenant that went live.
    pub async fn events_of(&self, slug: &str) -> Result<Vec<Event>> {
        self.events_in(PROVISIONED, slug).await
    }

    /// The same, once there is one: the event follows the transaction that makes a tenant active.
    pub async fn announced(&self, slug: &str) -> Result<Vec<Event>> {
        self.announced_in(PROVISIONED, slug, 1).await
    }

    /// The events of one tenant in a stream, once there are so many.
    pub async fn announced_in(&self, stream: &str, slug: &str, count: usize) -> Result<Vec<Event>> {
        let end = Instant::now() + DELIVERY;
        loop {
            let events = self.events_in(stream, slug).await?;
            if events.len() >= count {
                return Ok(events);
            }
            ensure!(Instant::now() < end, "{slug} has {} of {count} events in {stream}", events.len());
            sleep(POLL).await;
        }
    }

    /// The fields of each event in a stream that belongs to one tenant.
    pub async fn events_in(&self, stream: &str, slug: &str) -> Result<Vec<Event>> {
        type Entries = Vec<(String, Event)>;
        let mut valkey = self.valkey().await?;
        let entries: Entries = ::redis::cmd("XRANGE").arg(stream).arg("-").arg("+").query_async(&mut valkey).await?;
        Ok(entries
            .into_iter()
            .map(|(_, fields)| fields)
            .filter(|fields| fields.get("slug").is_some_and(|s| s == slug))
            .collect())
    }
}

fn cache_keys(slug: &str, tenant_id: impl std::fmt::Display) -> [String; 2] {
    [format!("tenant:slug:{slug}"), format!("tenant:id:{tenant_id}")]
}

fn falkordb_url(region: &str) -> Result<String> {
    variable(&format!("FALKORDB_URL_{}", region.to_uppercase().replace('-', "_")))
}

async fn connect(url: &str) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_LIMIT));
    Ok(Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await?)
}
