//! The bill of materials of what is shipped: every crate that a function's program may hold, as `CycloneDX` 1.5.
//!
//! Two runs at one commit write the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata as About;
use cyclonedx_bom::models::tool::{Tool, Tools};
use cyclonedx_bom::prelude::{Bom, DateTime, SpecVersion, Validate as _};
use serde::Deserialize;

use crate::cli::Sbom;
use crate::installation::root;
use crate::programs::git;

/// The processor that the template's `Architecture` names if it is told nothing. Crates for others are not listed.
const PLATFORM: &str = "aarch64-unknown-linux-gnu";
/// The whole: all functions.
const PRODUCT: &str = "ivory-control-plane";

pub fn run(to: &Sbom) -> anyhow::Result<ExitCode> {
    let bom = bom(&root()?)?;
    match &to.output {
        Some(path) => write(bom, File::create(path).with_context(|| path.display().to_string())?)?,
        None => write(bom, io::stdout().lock())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write(bom: Bom, mut to: impl Write) -> anyhow::Result<()> {
    bom.output_as_json_v1_5(&mut to)?;
    Ok(writeln!(to)?)
}

fn bom(root: &Path) -> anyhow::Result<Bom> {
    let platform = ["--filter-platform", PLATFORM].map(str::to_owned);
    let mut command = MetadataCommand::new();
    let metadata = command
        .manifest_path(root.join("Cargo.toml"))
        .other_options([&platform[..], &["--locked".to_owned()]].concat())
        .exec()?;
    let checksums = checksums(root)?;
    let shipped = shipped(&metadata)?;

    let product = Component::new(Classification::Application, PRODUCT, &release(root)?, Some(PRODUCT.to_owned()));
    let functions = metadata.workspace_default_members.iter().map(reference).collect();
    let mut dependencies = vec![Dependency { dependency_ref: PRODUCT.to_owned(), dependencies: functions }];
    dependencies.extend(shipped.iter().map(|(id, uses)| Dependency {
        dependency_ref: reference(id),
        dependencies: uses.iter().map(|id| reference(id)).collect(),
    }));
    let components: anyhow::Result<Vec<Component>> =
        shipped.keys().map(|id| component(&metadata[*id], &metadata, &checksums)).collect();
    let bom = Bom {
        spec_version: SpecVersion::V1_5,
        metadata: Some(About {
            timestamp: Some(DateTime::try_from(git(root, &["log", "-1", "--format=%cI"])?)?),
            tools: Some(Tools::List(vec![Tool::new(PRODUCT, "cargo xtask sbom", env!("CARGO_PKG_VERSION"))])),
            component: Some(product),
            ..About::default()
        }),
        components: Some(Components(components?)),
        dependencies: Some(Dependencies(dependencies)),
        serial_number: None,
        ..Bom::default()
    };
    let checked = bom.validate();
    ensure!(checked.passed(), "the bill of materials is not valid: {checked:?}");
    Ok(bom)
}

/// Each package below a function, with the packages that it uses in a program or to build one.
fn shipped(metadata: &Metadata) -> anyhow::Result<BTreeMap<&PackageId, BTreeSet<&PackageId>>> {
    let resolve = metadata.resolve.as_ref().context("cargo resolved nothing")?;
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut found = BTreeMap::new();
    let mut open: Vec<&PackageId> = metadata.workspace_default_members.iter().collect();
    while let Some(id) = open.pop() {
        if found.contains_key(id) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("cargo did not resolve {id}"))?;
        let ships = |kind: DependencyKind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
        let uses: BTreeSet<_> = node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|it| ships(it.kind)))
            .map(|dependency| &dependency.pkg)
            .collect();
        open.extend(&uses);
        found.insert(id, uses);
    }
    Ok(found)
}

fn component(package: &Package, metadata: &Metadata, checksums: &Checksums) -> anyhow::Result<Component> {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let kind = if metadata.workspace_default_members.contains(&package.id) {
        Classification::Application
    } else {
        Classification::Library
    };
    let mut component = Component::new(kind, name, &version, Some(reference(&package.id)));
    // A crate of this workspace is in no registry.
    if package.source.is_some() {
        component.purl = Some(Purl::new("cargo", name, &version)?);
    }
    component.licenses = package.license.as_deref().map(|license| {
        // Cargo once wrote OR as a slash.
        let expression = license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ");
        Licenses(vec![LicenseChoice::expression(&expression)])
    });
    component.hashes = checksums
        .get(&(name.to_owned(), version))
        .map(|sha256| Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(sha256.clone()) }]));
    Ok(component)
}

/// Name and version, without the path of this checkout.
fn reference(id: &PackageId) -> String {
    id.repr.rsplit_once('/').map_or(id.repr.as_str(), |(_, name)| name).to_owned()
}

type Checksums = BTreeMap<(String, String), String>;

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

fn checksums(root: &Path) -> anyhow::Result<Checksums> {
    let lock: Lock = toml::from_str(&fs::read_to_string(root.join("Cargo.lock")).context("reading Cargo.lock")?)?;
    Ok(lock.package.into_iter().filter_map(|it| Some(((it.name, it.version), it.checksum?))).collect())
}

/// The commit, or the release if there is one.
fn release(root: &Path) -> anyhow::Result<String> {
    git(root, &["describe", "--tags", "--always", "--dirty"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_lists_what_a_function_links_and_nothing_of_the_tests() {
        let bom = bom(&root().expect("the checkout")).expect("made");
        let mut text = Vec::new();
        write(bom, &mut text).expect("written");
        let text = String::from_utf8(text).expect("text");
        let read = Bom::parse_from_json_v1_5(text.as_bytes()).expect("it can be read");
        let components = read.components.expect("components").0;
        let names: BTreeSet<_> = components.iter().map(|component| component.name.to_string()).collect();
        for linked in ["provision-tenant", "store", "rustls", "ring", "serde_derive"] {
            assert!(names.contains(linked), "{linked}");
        }
        for not in ["proptest", "tempfile", "local-cloud", "operate", "test-database"] {
            assert!(!names.contains(not), "{not}");
        }
        // What comes from a registry can be looked up there, and compared.
        for component in components.iter().filter(|component| component.purl.is_some()) {
            assert!(component.hashes.is_some() && component.licenses.is_some(), "{}", component.name.to_string());
        }
        let root = root().expect("the checkout");
        assert!(!text.contains(root.to_str().expect("text")), "it names a path of this machine");
    }
}
