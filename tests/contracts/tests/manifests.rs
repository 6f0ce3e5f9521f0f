//! Manifests: versions and features are set in one place, and all crates have the same lints.

use anyhow::{Context as _, Result};
use contracts::read;
use contracts::workspace::{Package, Workspace};
use toml::{Table, Value};

/// The keys that a crate may set for a dependency.
const ALLOWED: &[&str] = &["workspace", "optional"];

fn manifest(package: &Package) -> Result<Table> {
    Ok(read(&format!("{}/Cargo.toml", package.folder))?.parse()?)
}

#[test]
fn versions_and_features_are_set_in_the_workspace_only() -> Result<()> {
    for package in Workspace::load()?.packages.values() {
        let manifest = manifest(package)?;
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, dependency) in manifest.get(kind).and_then(Value::as_table).into_iter().flatten() {
                let keys: Vec<_> = dependency.as_table().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
                // Tools name each other by path. A path is neither a version nor a feature.
                if keys == ["path"] && !["functions/", "shared/"].iter().any(|top| package.folder.starts_with(top)) {
                    continue;
                }
                assert_eq!(dependency.get("workspace"), Some(&Value::Boolean(true)), "{name} of {}", package.name);
                let surplus: Vec<_> = keys.iter().filter(|key| !ALLOWED.contains(*key)).collect();
                assert!(surplus.is_empty(), "{name} of {} sets {surplus:?}", package.name);
            }
        }
        assert!(!manifest.contains_key("target"), "{}: dependencies by target", package.name);
    }
    Ok(())
}

#[test]
fn every_crate_inherits_lints_and_package_fields() -> Result<()> {
    for package in Workspace::load()?.packages.values() {
        let manifest = manifest(package)?;
        let inherits = |part: &Value| part.get("workspace").and_then(Value::as_bool) == Some(true);
        assert!(manifest.get("lints").is_some_and(inherits), "{} does not inherit the workspace's lints", package.name);
        let fields = manifest["package"].as_table().context("[package]")?;
        for field in ["version", "edition", "rust-version", "license", "publish"] {
            assert!(fields.get(field).is_some_and(inherits), "{}: {field} is not the workspace's", package.name);
        }
        assert!(fields.contains_key("description"), "{} has no description", package.name);
    }
    Ok(())
}

#[test]
fn no_feature_is_on_by_default() -> Result<()> {
    for package in Workspace::load()?.packages.values() {
        let manifest = manifest(package)?;
        let features = manifest.get("features").and_then(Value::as_table).into_iter().flatten();
        for (feature, _) in features {
            // With this feature, a route checks credentials itself, because there is no gateway. It is never shipped,
            // so it is never a default.
            assert_eq!(feature, "watch", "{} has a feature that is not allowed", package.name);
        }
    }
    Ok(())
}

#[test]
fn the_shipped_crates_are_those_built_by_default() -> Result<()> {
    let workspace: Table = read("Cargo.toml")?.parse()?;
    assert_eq!(workspace["workspace"]["default-members"], Value::from(vec!["functions/*/*"]));
    Ok(())
}
