//! The workspace, as `cargo metadata` describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::root;

/// One package of this workspace.
#[derive(Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, from the root, with `/` between the parts.
    pub folder: String,
    /// The names of its programs.
    pub binaries: Vec<String>,
    /// The packages of this workspace that its code depends on, including those behind a feature.
    pub known: BTreeSet<String>,
    /// The same, but only the packages that are shipped: all features are off then.
    pub linked: BTreeSet<String>,
    /// The packages of this workspace that its tests depend on.
    pub for_tests: BTreeSet<String>,
    /// All packages from outside this workspace that it depends on, including those of its tests.
    pub foreign: BTreeSet<String>,
    /// The same, but only those that its code depends on.
    pub foreign_in_code: BTreeSet<String>,
}

/// All packages of this workspace, by name.
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

impl Dependency {
    fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

fn names(dependencies: &[Dependency], wanted: impl Fn(&Dependency) -> bool) -> BTreeSet<String> {
    dependencies.iter().filter(|dependency| wanted(dependency)).map(|dependency| dependency.name.clone()).collect()
}

impl Workspace {
    /// Runs `cargo metadata`. It needs no network and takes no lock.
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

    /// The packages in a folder.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.values().filter(move |package| package.folder.starts_with(folder))
    }

    /// One package.
    pub fn package(&self, name: &str) -> Result<&Package> {
        self.packages.get(name).with_context(|| format!("no package {name}"))
    }

    /// A package, and every package of this workspace that is linked with it.
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
            known: names(&ours, |dependency| !dependency.is_for_tests()),
            linked: names(&ours, |dependency| !dependency.optional && !dependency.is_for_tests()),
            for_tests: names(&ours, Dependency::is_for_tests),
            foreign: names(&foreign, |_| true),
            foreign_in_code: names(&foreign, |dependency| !dependency.is_for_tests()),
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
