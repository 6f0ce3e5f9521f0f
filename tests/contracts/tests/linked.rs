//! What the functions are linked with, for the processor that they run on by default. It cannot be built everywhere, so this
//! is what Cargo would do.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use contracts::root;

/// Crates of which crates from outside want two versions: constants, base64, the system's random numbers, and what only
/// macros use while they are compiled.
const TWICE: &[&str] = &["base64", "const-oid", "getrandom", "syn"];

/// Each crate with its versions, of these packages.
fn linked(packages: &[&str]) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut tree = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tree.args(["tree", "--offline", "--locked", "--target", "aarch64-unknown-linux-gnu", "--edges", "normal"]);
    tree.args(["--prefix", "none", "--format", "{p}"]).current_dir(root()?);
    for package in packages {
        tree.args(["--package", package]);
    }
    let output = tree.output().context("cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let mut words = line.split(' ');
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            found.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    ensure!(found.len() > 100, "{found:?}");
    Ok(found)
}

/// The root of the workspace stands for its default members, which are the functions.
#[test]
fn no_crate_is_linked_twice() -> Result<()> {
    let twice: BTreeMap<_, _> = linked(&[])?.into_iter().filter(|(_, versions)| versions.len() > 1).collect();
    assert_eq!(twice.keys().map(String::as_str).collect::<Vec<_>>(), TWICE, "{twice:?}");
    Ok(())
}

/// From 0.11 on, `sha2` looks for the instructions of the processor by itself, on Arm as well. Logging in to Postgres is 4,096
/// rounds of it.
#[test]
fn hashes_are_computed_by_the_processor() -> Result<()> {
    let versions = &linked(&[])?["sha2"];
    assert!(versions.iter().all(|version| version.starts_with("v0.11.")), "{versions:?}");
    Ok(())
}

/// AWS is reached over the one TLS configuration: nothing that a function without another HTTP client is made of could read
/// the system's root store. The credentials are in the environment, so nothing looks for them elsewhere.
#[test]
fn the_client_of_aws_brings_neither_a_root_store_nor_a_chain_of_credentials() -> Result<()> {
    let linked = linked(&["get-tenant", "provision-tenant", "step-6-create-graph"])?;
    for never in ["rustls-native-certs", "openssl-probe", "aws-smithy-http-client", "aws-config", "aws-sdk-sts", "h2"] {
        assert!(!linked.contains_key(never), "{never}");
    }
    Ok(())
}
