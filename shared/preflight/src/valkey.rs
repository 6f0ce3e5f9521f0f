//! Valkey: the eviction policy, and the rights to remove cache entries and to publish events.

use domain::{Warning, names};
use lambda_kit::Read;
use secrets::ValkeySecret;
use tenant_cache::CacheSettings;
use valkey::Valkey;

use crate::Found;

pub(crate) async fn check(secret: &Read<ValkeySecret>, cache: &CacheSettings) -> Found {
    let secret = secret.read().await?;
    let valkey = Valkey::connect(&secret.url, secret.ca_pem.as_deref()).await?;
    valkey.eviction_policy().await?;
    let known = valkey.rehearse(&cache.rehearsed(), &[names::EVENTS, names::RESTORED]).await?;
    Ok(if known { Vec::new() } else { vec![Warning::ValkeyRightsUnknown] })
}
