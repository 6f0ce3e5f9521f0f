//! The workspace as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::root;

/// One package of ours.
#[derive(Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, from the root, with `/` between the parts.
    pub folder: String,
    /// The names of its binaries.
    pub binaries: Vec<String>,
    /// The packages of ours it depends on, for whatever purpose.
    pub ours: BTreeSet<String>,
    /// The packages of ours that only its tests depend on.
    pub for_tests: BTreeSet<String>,
    /// Of these the ones in what is shipped: no test's, and none behind a feature, since all of them are off.
    pub linked: BTreeSet<String>,
    /// Everything else it depends on.
    pub foreign: BTreeSet<String>,
}

/// All packages of ours, by name.
#[derive(Debug)]
pub struct Workspace {
    /// The packages.
    pub packages: BTreeMap<String, Package>,
    /// `[workspace.metadata]`.
    pub metadata: serde_json::Value,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    metadata: serde_json::Value,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<PathBuf>,
    optional: bool,
    kind: Option<String>,
}

impl Workspace {
    /// Asks cargo. Needs no network and no lock.
    pub fn load() -> Result<Self> {
        let root = root()?;
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
            .arg(root.join("Cargo.toml"))
            .output()
            .context("cargo metadata")?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
        let packages = metadata
            .packages
            .into_iter()
            .map(|package| Ok((package.name.clone(), Package::from_metadata(package, &root)?)))
            .collect::<Result<_>>()?;
        Ok(Self { packages, metadata: metadata.metadata })
    }

    /// The packages below a folder.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.values().filter(move |package| package.folder.starts_with(folder))
    }

    /// One package.
    pub fn package(&self, name: &str) -> Result<&Package> {
        self.packages.get(name).with_context(|| format!("no package {name}"))
    }

    /// Whether `known` is a crate of `tests/` that only the package's tests use.
    #[must_use]
    pub fn is_instrument(&self, package: &Package, known: &str) -> bool {
        package.for_tests.contains(known)
            && self.packages.get(known).is_some_and(|known| known.folder.starts_with("tests/"))
    }

    /// A package and everything of ours that is linked with it.
    pub fn reach(&self, name: &str) -> Result<Vec<&Package>> {
        let (mut reached, mut open) = (BTreeMap::new(), vec![name]);
        while let Some(name) = open.pop() {
            let package = self.package(name)?;
            if reached.insert(name, package).is_none() {
                open.extend(package.linked.iter().map(String::as_str));
            }
        }
        Ok(reached.into_values().collect())
    }
}

impl Package {
    fn from_metadata(package: MetadataPackage, root: &Path) -> Result<Self> {
        let folder = package.manifest_path.parent().context("a manifest has a folder")?;
        let folder = folder.strip_prefix(root).with_context(|| format!("{} is outside", folder.display()))?;
        let (ours, foreign): (Vec<_>, Vec<_>) = package.dependencies.into_iter().partition(|it| it.path.is_some());
        Ok(Self {
            name: package.name,
            folder: folder.to_str().context("a folder's name is UTF-8")?.to_owned(),
            binaries: package
                .targets
                .into_iter()
                .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
                .map(|target| target.name)
                .collect(),
            for_tests: {
                let (for_tests, other): (Vec<_>, Vec<_>) =
                    ours.iter().partition(|dependency| dependency.kind.as_deref() == Some("dev"));
                let other: BTreeSet<_> = other.into_iter().map(|dependency| &dependency.name).collect();
                let names = for_tests.into_iter().map(|dependency| &dependency.name);
                names.filter(|name| !other.contains(name)).cloned().collect()
            },
            linked: ours
                .iter()
                .filter(|dependency| !dependency.optional && dependency.kind.is_none())
                .map(|dependency| dependency.name.clone())
                .collect(),
            ours: ours.into_iter().map(|dependency| dependency.name).collect(),
            foreign: foreign.into_iter().map(|dependency| dependency.name).collect(),
        })
    }

    /// The last part of the folder.
    #[must_use]
    pub fn folder_name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(&self.folder)
    }

    /// `api`, `steps` or `ops` of a function.
    #[must_use]
    pub fn group(&self) -> &str {
        self.folder.split('/').nth(1).unwrap_or("")
    }
}
