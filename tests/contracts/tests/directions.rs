//! Which crate may depend on which other crate.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use contracts::workspace::Workspace;

/// The crates of `shared/`, each with the crates of this workspace that it may depend on. Their tests may also use the
/// crates of `tests/`.
const SHARED: &[(&str, &[&str])] = &[
    // Types and rules.
    ("audit-chain", &[]),
    ("purge-certificate", &["audit-chain"]),
    ("domain", &[]),
    ("secrets", &["domain"]),
    ("tokens", &["domain"]),
    // How a process starts, and what it may reach.
    ("tls", &[]),
    ("lambda-kit", &["domain", "secrets", "tls"]),
    // Protocols.
    ("aws-signature", &[]),
    ("http-kit", &["domain", "tls"]),
    ("redis-kit", &["domain", "tls"]),
    // One client for each outside system.
    ("falkordb", &["domain", "redis-kit"]),
    ("iomete", &["domain", "http-kit"]),
    ("opensearch", &["aws-signature", "domain", "http-kit", "secrets"]),
    ("smtp", &["domain", "tls"]),
    ("runs", &["domain", "lambda-kit", "store"]),
    ("store", &["audit-chain", "domain", "lambda-kit", "secrets", "tls"]),
    ("stripe", &["domain", "http-kit"]),
    ("supabase", &["domain", "http-kit"]),
    ("tenant-database", &["domain", "secrets", "store", "tls"]),
    ("valkey", &["domain", "redis-kit"]),
    // Rules that need several clients.
    ("billing", &["domain", "lambda-kit", "secrets", "store", "stripe"]),
    ("callers", &["domain", "http-kit", "lambda-kit", "secrets", "tokens"]),
    ("outbox", &["domain", "lambda-kit", "secrets", "store", "tenant-cache", "valkey"]),
    ("tenant-cache", &["domain", "lambda-kit", "secrets", "store", "valkey"]),
    ("graph-users", &["domain", "falkordb", "lambda-kit", "secrets", "store"]),
    ("region-search", &["domain", "lambda-kit", "opensearch", "secrets"]),
    // The kits that functions are built with.
    ("audit-anchors", &["aws-signature", "http-kit", "lambda-kit"]),
    ("api-kit", &["callers", "domain", "lambda-kit", "store"]),
    ("step-kit", &["domain", "lambda-kit", "store"]),
    ("purge-kit", &["domain", "lambda-kit", "step-kit", "store"]),
    // Code that several steps share.
    ("supabase-project", &["domain", "lambda-kit", "secrets", "store", "supabase", "tenant-database"]),
    // What steps will need, tried before the first one.
    (
        "preflight",
        &[
            "billing",
            "domain",
            "falkordb",
            "lambda-kit",
            "region-search",
            "secrets",
            "smtp",
            "supabase",
            "supabase-project",
            "tenant-cache",
            "valkey",
        ],
    ),
    // What steps have made, looked at and brought back after them.
    (
        "tenant-check",
        &[
            "billing",
            "domain",
            "graph-users",
            "iomete",
            "lambda-kit",
            "region-search",
            "secrets",
            "store",
            "supabase",
            "supabase-project",
            "tenant-cache",
            "tenant-database",
        ],
    ),
];

/// Crates that reach the outside. A function reaches the outside only through the handles that it declares.
const CLIENTS: &[&str] =
    &["hyper", "hyper-util", "redis", "reqwest", "rustls", "tokio-postgres", "tokio-postgres-rustls", "tokio-rustls"];

/// Crates that no package may link: a second TLS stack or a second async runtime.
const NEVER: &[&str] = &["async-std", "native-tls", "openssl", "openssl-sys", "aws-lc-rs", "aws-lc-sys"];

#[test]
fn shared_crates_depend_only_on_crates_below_them() -> Result<()> {
    let allowed: BTreeMap<&str, &[&str]> = SHARED.iter().copied().collect();
    let workspace = Workspace::load()?;
    for package in workspace.below("shared/") {
        let name = package.name.as_str();
        let allowed = allowed.get(name).with_context(|| format!("{name} is missing in the table of this test"))?;
        let surplus: Vec<_> = package.known.iter().filter(|known| !allowed.contains(&known.as_str())).collect();
        assert!(surplus.is_empty(), "{name} may not depend on {surplus:?}");
    }
    let present: BTreeSet<_> = workspace.below("shared/").map(|package| package.name.as_str()).collect();
    let gone: Vec<_> = allowed.keys().filter(|name| !present.contains(*name)).collect();
    assert!(gone.is_empty(), "only in the table of this test: {gone:?}");
    Ok(())
}

#[test]
fn a_function_depends_on_its_kit_and_shared_crates_only() -> Result<()> {
    let workspace = Workspace::load()?;
    for function in workspace.below("functions/") {
        for known in &function.known {
            let folder = &workspace.package(known)?.folder;
            assert!(folder.starts_with("shared/"), "{} may not depend on {folder}", function.name);
        }
        let (its, not_its) = match function.group() {
            "api" => (Some("api-kit"), "step-kit"),
            "steps" => (Some("step-kit"), "api-kit"),
            "purge" => (Some("purge-kit"), "api-kit"),
            _ => (None, "api-kit"),
        };
        assert!(its.is_none_or(|kit| function.known.contains(kit)), "{} is built without its kit", function.name);
        assert!(!function.known.contains(not_its), "{} may not depend on {not_its}", function.name);
    }
    Ok(())
}

#[test]
fn a_function_depends_on_no_client() -> Result<()> {
    for function in Workspace::load()?.below("functions/") {
        let is_client = |name: &&String| name.starts_with("aws-") || CLIENTS.contains(&name.as_str());
        let clients: Vec<_> = function.foreign_in_code.iter().filter(is_client).collect();
        assert!(clients.is_empty(), "{} depends on {clients:?}, which its declaration should provide", function.name);
    }
    Ok(())
}

#[test]
fn tests_of_shipped_crates_use_only_crates_of_tests_and_shared() -> Result<()> {
    let workspace = Workspace::load()?;
    for package in workspace.below("functions/").chain(workspace.below("shared/")) {
        for known in &package.for_tests {
            let folder = &workspace.package(known)?.folder;
            let allowed = ["tests/", "shared/"].iter().any(|top| folder.starts_with(top));
            assert!(allowed, "the tests of {} may not depend on {folder}", package.name);
        }
    }
    Ok(())
}

#[test]
fn the_local_cloud_does_not_use_the_aws_sdk() -> Result<()> {
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
fn the_command_line_is_a_client_of_the_api_and_nothing_else() -> Result<()> {
    let workspace = Workspace::load()?;
    let reached = workspace.reach("ivory")?;
    let ours: Vec<_> = reached.iter().map(|package| package.name.as_str()).filter(|name| *name != "ivory").collect();
    assert_eq!(ours, ["audit-chain", "domain", "purge-certificate"]);
    Ok(())
}

#[test]
fn no_crate_depends_on_a_second_tls_stack() -> Result<()> {
    for package in Workspace::load()?.packages.values() {
        let banned: Vec<_> = package.foreign.iter().filter(|name| NEVER.contains(&name.as_str())).collect();
        assert!(banned.is_empty(), "{} depends on {banned:?}", package.name);
    }
    Ok(())
}
