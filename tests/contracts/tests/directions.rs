//! Who may know whom.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use contracts::workspace::Workspace;

/// Crates of `shared/` and the crates of ours each of them may depend on. Their tests may use those of `tests/` besides.
const SHARED: &[(&str, &[&str])] = &[
    // Types and rules; trust.
    ("domain", &[]),
    ("tls", &[]),
    // How to speak a protocol.
    ("http-kit", &["domain", "tls"]),
    ("redis-kit", &["domain", "tls"]),
    ("telemetry", &["domain"]),
    // One outside system each.
    ("store", &["domain", "tls"]),
    ("sdk-config", &["domain", "tls"]),
    ("executions", &["domain", "sdk-config"]),
    ("secrets", &["domain", "sdk-config"]),
    ("falkordb", &["domain", "redis-kit"]),
    ("iomete", &["domain", "http-kit"]),
    ("opensearch", &["domain", "http-kit"]),
    ("stripe", &["domain", "http-kit"]),
    ("supabase", &["domain", "http-kit"]),
    ("valkey", &["domain", "redis-kit"]),
    // Rules that need several of them.
    ("callers", &["domain", "http-kit", "secrets"]),
    ("outbox", &["domain", "secrets", "store", "stripe", "valkey"]),
    ("pipeline", &["domain", "executions", "store"]),
    ("tenant-lease", &["domain", "store"]),
    ("billing", &["domain", "secrets", "store", "stripe", "tenant-lease"]),
    // What functions are made of.
    ("idempotency", &["api-kit", "domain", "sdk-config"]),
    ("api-kit", &["callers", "domain", "sdk-config", "secrets", "store", "telemetry"]),
    ("step-kit", &["domain", "sdk-config", "secrets", "store", "telemetry", "tenant-lease"]),
    // What several steps do, hence made of their kit.
    ("environment", &["domain", "secrets", "step-kit", "store", "supabase"]),
];

/// What no function and nothing shared may link: a second TLS stack or a second async runtime.
const NEVER: &[&str] = &["async-std", "native-tls", "openssl", "openssl-sys", "aws-lc-rs", "aws-lc-sys"];

#[test]
fn shared_crates_know_only_those_below_them() -> Result<()> {
    let allowed: BTreeMap<&str, &[&str]> = SHARED.iter().copied().collect();
    let workspace = Workspace::load()?;
    for package in workspace.below("shared/") {
        let name = package.name.as_str();
        let allowed = allowed.get(name).with_context(|| format!("{name} is not in the table of this test"))?;
        let surplus = package.ours.iter().filter(|it| !allowed.contains(&it.as_str()));
        let surplus: Vec<_> = surplus.filter(|it| !workspace.is_instrument(package, it)).collect();
        assert!(surplus.is_empty(), "{name} may not know {surplus:?}");
    }
    let present: BTreeSet<_> = workspace.below("shared/").map(|package| package.name.as_str()).collect();
    let gone: Vec<_> = allowed.keys().filter(|name| !present.contains(*name)).collect();
    assert!(gone.is_empty(), "in the table of this test and nowhere else: {gone:?}");
    Ok(())
}

#[test]
fn a_function_knows_its_kit_and_shared_crates_and_no_other_function() -> Result<()> {
    let workspace = Workspace::load()?;
    for function in workspace.below("functions/") {
        for known in &function.ours {
            let folder = &workspace.package(known)?.folder;
            assert!(folder.starts_with("shared/"), "{} may not know {folder}", function.name);
        }
        let (its, not_its) = match function.group() {
            "api" => (Some("api-kit"), "step-kit"),
            "steps" => (Some("step-kit"), "api-kit"),
            _ => (None, "api-kit"),
        };
        assert!(its.is_none_or(|kit| function.ours.contains(kit)), "{} is built without its kit", function.name);
        assert!(!function.ours.contains(not_its), "{} may not know {not_its}", function.name);
    }
    Ok(())
}

#[test]
fn nothing_shipped_knows_infra_or_tests() -> Result<()> {
    let workspace = Workspace::load()?;
    for package in workspace.below("functions/").chain(workspace.below("shared/")) {
        for known in &package.ours {
            let folder = &workspace.package(known)?.folder;
            let allowed = folder.starts_with("shared/") || workspace.is_instrument(package, known);
            assert!(allowed, "{} may not know {folder}", package.name);
        }
    }
    Ok(())
}

#[test]
fn the_local_cloud_does_without_the_aws_sdk() -> Result<()> {
    let workspace = Workspace::load()?;
    for package in workspace.below("infra/") {
        for reached in workspace.reach(&package.name)? {
            let sdk: Vec<_> = reached.foreign.iter().filter(|name| name.starts_with("aws-")).collect();
            assert!(sdk.is_empty(), "{} reaches {sdk:?} through {}", package.name, reached.name);
        }
    }
    Ok(())
}

#[test]
fn no_crate_asks_for_a_second_tls_stack() -> Result<()> {
    for package in Workspace::load()?.packages.values() {
        let banned: Vec<_> = package.foreign.iter().filter(|name| NEVER.contains(&name.as_str())).collect();
        assert!(banned.is_empty(), "{} depends on {banned:?}", package.name);
    }
    Ok(())
}
