//! Secrets that an earlier release, or whoever ran it, has put.

use anyhow::{Context as _, Result, bail};
use secrets::{
    CallersSecret, CatalogSecret, DatabaseOwnerSecret, DatabaseReadSecret, DatabaseSecret, IometeSecret, RegionSecret,
    SmtpSecret, StripeSecret, SupabaseSecret, TenantSecret, ValkeySecret,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokens::Issuers;
use upgrades::{json, releases};

fn read<S: DeserializeOwned>(value: &Value) -> Result<S> {
    Ok(serde_json::from_value(value.clone())?)
}

/// A secret that functions put, too: what is read and put again is the same.
fn kept<S: DeserializeOwned + Serialize>(value: &Value) -> Result<()> {
    assert_eq!(serde_json::to_value(read::<S>(value)?)?, *value);
    Ok(())
}

/// The callers, all of them, with the issuer of their tokens if there is one.
fn callers(value: &Value) -> Result<()> {
    let CallersSecret { consumers, unknown, .. } = read(value)?;
    assert_eq!((Some(consumers.len()), unknown.len()), (value["consumers"].as_array().map(Vec::len), 0));
    if let Some(jwt) = value.get("jwt") {
        let issuers = Issuers::parse(jwt);
        let mistakes: Vec<String> = issuers.mistakes().map(ToString::to_string).collect();
        assert_eq!((issuers.usable().count(), mistakes.as_slice()), (1, &[][..]));
    }
    Ok(())
}

fn is_read(name: &str, value: &Value) -> Result<()> {
    match name {
        "control/database" => read::<DatabaseSecret>(value).map(drop),
        "control/database-read" => read::<DatabaseReadSecret>(value).map(drop),
        "control/database-owner" => read::<DatabaseOwnerSecret>(value).map(drop),
        "control/callers" => callers(value),
        "control/supabase" => read::<SupabaseSecret>(value).map(drop),
        "control/stripe" => read::<StripeSecret>(value).map(drop),
        "control/valkey" => read::<ValkeySecret>(value).map(drop),
        "control/iomete" => read::<IometeSecret>(value).map(drop),
        "control/smtp" => read::<SmtpSecret>(value).map(drop),
        name if name.starts_with("regions/") => read::<RegionSecret>(value).map(drop),
        name if name.starts_with("tenants/") => kept::<TenantSecret>(value),
        name if name.starts_with("catalogs/") => kept::<CatalogSecret>(value),
        _ => bail!("there is no such secret"),
    }
}

#[test]
fn every_secret_is_read() -> Result<()> {
    for release in releases()? {
        let secrets = json(&release, "secrets.json")?;
        for (name, values) in secrets.as_object().context("no object")? {
            for value in values.as_array().context("no list")? {
                is_read(name, value).with_context(|| format!("{name} of {}", release.display()))?;
            }
        }
    }
    Ok(())
}

/// Fails if a field of a tenant's secret is lost.
#[test]
fn a_field_that_is_not_put_again_is_found() {
    let lost = serde_json::json!({ "db_pass": "d", "graph_pass": "g", "publishable_key": null, "secret_key": null, "pooler": null, "more": 1 });
    assert!(std::panic::catch_unwind(|| kept::<TenantSecret>(&lost)).is_err());
}
