//! Connections to Valkey and to each region's `FalkorDB`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, AsyncConnectionConfig, Client};
use url::Url;

use crate::Cloud;
use crate::variables::variable;

/// The library's default is half a second, which is too short on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

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
    pub async fn events_of(&self, slug: &str) -> Result<Vec<std::collections::BTreeMap<String, String>>> {
        self.events_in("iam:tenants:provisioned", slug).await
    }

    /// The fields of each event in a stream that belongs to one tenant.
    pub async fn events_in(&self, stream: &str, slug: &str) -> Result<Vec<std::collections::BTreeMap<String, String>>> {
        type Entries = Vec<(String, std::collections::BTreeMap<String, String>)>;
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
