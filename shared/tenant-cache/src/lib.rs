//! The tenant's entries in the middleware's cache: their keys, how long they stay, and their removal.

#![warn(missing_docs)]

use domain::{Failure, names};
use lambda_kit::{Read, needs, settings};
use secrets::ValkeySecret;
use serde::{Deserialize, Serialize};
use store::Tenant;
pub use valkey::Lasting;
use valkey::Valkey;

settings! {
    /// The keys under which the middleware caches a tenant.
    pub struct CacheSettings {
        /// Comma-separated templates with `{slug}`, `{tenant_id}` and `{ref}`.
        keys: String = "TENANT_CACHE_KEYS" or "tenant:slug:{slug},tenant:id:{tenant_id}",
    }
}

impl CacheSettings {
    /// The tenant's entries.
    #[must_use]
    pub fn entries(&self, tenant: &Tenant) -> CacheEntries {
        CacheEntries { keys: self.keys.split(',').map(|template| tenant.fill(template.trim())).collect() }
    }

    /// Keys like a tenant's, which no tenant has.
    #[must_use]
    pub fn rehearsed(&self) -> Vec<String> {
        let nobody = |template: &str| {
            ["{slug}", "{tenant_id}", "{ref}"]
                .iter()
                .fold(template.trim().to_owned(), |key, placeholder| key.replace(placeholder, names::REHEARSED))
        };
        self.keys.split(',').map(nobody).collect()
    }
}

/// Entries of the cache. This is also the payload of a promised invalidation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CacheEntries {
    /// Their keys.
    pub keys: Vec<String>,
}

needs! {
    /// The middleware's cache.
    pub struct TenantCache {
        valkey: Read<ValkeySecret>,
    }
}

impl TenantCache {
    /// Removes entries.
    pub async fn remove(&self, entries: &CacheEntries) -> Result<(), Failure> {
        self.connect().await?.unlink(&entries.keys).await?;
        Ok(())
    }

    /// How long each of these entries stays. What is in them is the middleware's, and is not read.
    pub async fn lasting(&self, entries: &CacheEntries) -> Result<Vec<Lasting>, Failure> {
        Ok(self.connect().await?.lasting(&entries.keys).await?)
    }

    async fn connect(&self) -> Result<Valkey, Failure> {
        let secret = self.valkey.read().await?;
        Ok(Valkey::connect(&secret.url, secret.ca_pem.as_deref()).await?)
    }
}
