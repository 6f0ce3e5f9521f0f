//! `infra/CONFIGURATION.md` matches the templates and the code.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use contracts::{configuration, functions, read};
use lambda_kit::AwsResource;

#[test]
fn the_document_is_up_to_date() -> Result<()> {
    let path = configuration::PATH;
    assert!(read(path)? == configuration::render()?, "{path} is out of date: cargo xtask configuration");
    Ok(())
}

/// Whatever secret a function may use, its shape is described.
#[test]
fn every_secret_of_a_function_is_described() -> Result<()> {
    let document = read(configuration::PATH)?;
    let secrets = document.split("\n## Secrets").nth(1).context("no part of secrets")?;
    let described: BTreeSet<_> =
        secrets.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    let declared: BTreeSet<_> = functions::all()
        .into_iter()
        .flat_map(|function| function.declaration.grants)
        .filter_map(|grant| if let AwsResource::Secrets(name) = grant.on { Some(name) } else { None })
        .collect();
    assert_eq!(described, declared);
    Ok(())
}
