//! What a released version left behind is understood: `fixtures/release-….json` hold, of each, the functions that its running
//! executions still call, their inputs, and the values of its secrets. A file is written when a release is made, and never changed.
//! What it left in the database is tried by the migrations' own tests.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use contracts::{functions, root};
use domain::Run;
use lambda_kit::operation::Operation;
use record_failure::RecordFailure;
use secrets::{
    CallersSecret, CatalogSecret, DatabaseOwnerSecret, DatabaseReadSecret, DatabaseSecret, IometeSecret, RegionSecret,
    Secret as _, SmtpSecret, StripeSecret, SupabaseSecret, TenantSecret, ValkeySecret,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    functions: Vec<String>,
    inputs: Vec<Value>,
    failures: Vec<Value>,
    secrets: BTreeMap<String, Vec<Value>>,
}

fn releases() -> Result<Vec<(String, Release)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root()?.join("tests/contracts/fixtures"))? {
        let path = entry?.path();
        let name = path.display().to_string();
        let release = serde_json::from_str(&std::fs::read_to_string(&path)?).with_context(|| name.clone())?;
        found.push((name, release));
    }
    ensure!(!found.is_empty(), "there are no fixtures");
    Ok(found)
}

fn is_read_as<T: DeserializeOwned>(value: &Value) -> Result<()> {
    Ok(serde_json::from_value::<T>(value.clone()).map(drop)?)
}

#[test]
fn a_run_that_a_former_release_began_goes_on() -> Result<()> {
    let known: BTreeSet<_> = functions::all().into_iter().map(|function| function.name).collect();
    for (name, release) in releases()? {
        let gone: Vec<_> = release.functions.iter().filter(|function| !known.contains(*function)).collect();
        ensure!(gone.is_empty(), "executions of {name} call {gone:?}");
        ensure!(!release.inputs.is_empty() && !release.failures.is_empty(), "{name}");
        for input in &release.inputs {
            is_read_as::<Run>(input).with_context(|| format!("{name}: {input}"))?;
        }
        for failure in &release.failures {
            is_read_as::<<RecordFailure as Operation>::Event>(failure).with_context(|| format!("{name}: {failure}"))?;
        }
    }
    Ok(())
}

#[test]
fn secrets_of_a_former_release_are_read() -> Result<()> {
    type Read = fn(&Value) -> Result<()>;
    let kinds: [(&str, Read); 12] = [
        (DatabaseSecret::NAMES, is_read_as::<DatabaseSecret>),
        (DatabaseReadSecret::NAMES, is_read_as::<DatabaseReadSecret>),
        (DatabaseOwnerSecret::NAMES, is_read_as::<DatabaseOwnerSecret>),
        (CallersSecret::NAMES, is_read_as::<CallersSecret>),
        (SupabaseSecret::NAMES, is_read_as::<SupabaseSecret>),
        (StripeSecret::NAMES, is_read_as::<StripeSecret>),
        (ValkeySecret::NAMES, is_read_as::<ValkeySecret>),
        (IometeSecret::NAMES, is_read_as::<IometeSecret>),
        (SmtpSecret::NAMES, is_read_as::<SmtpSecret>),
        (RegionSecret::NAMES, is_read_as::<RegionSecret>),
        (TenantSecret::NAMES, is_read_as::<TenantSecret>),
        (CatalogSecret::NAMES, is_read_as::<CatalogSecret>),
    ];
    let kinds = BTreeMap::from(kinds);
    for (name, release) in releases()? {
        for (secret, values) in &release.secrets {
            let read = kinds.get(secret.as_str()).with_context(|| format!("{name}: nobody reads {secret} any more"))?;
            ensure!(!values.is_empty(), "{name}: {secret}");
            for value in values {
                read(value).with_context(|| format!("{name}: {secret}"))?;
            }
        }
    }
    Ok(())
}
