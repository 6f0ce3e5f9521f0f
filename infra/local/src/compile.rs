//! Building.
//!
//! Every build of the profile `local` names `--workspace`, even if it is of one program: `--package` would choose other
//! features for the dependencies, and most of them would be compiled again. What is shipped is built as `cargo lambda` does it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use xtask::{Event, LOCAL};

use crate::layout::Workspace;
use crate::progress;

/// The profile of what is shipped.
const RELEASE: &str = "release";

/// Whether the lines of cargo are shown. It is set once, from the command line.
pub static VERBOSE: OnceLock<bool> = OnceLock::new();

/// Where cargo put the programs it built, by name.
#[derive(Default)]
pub struct Binaries {
    programs: BTreeMap<String, PathBuf>,
}

/// A test program cargo built.
pub struct TestProgram {
    /// The package it belongs to.
    pub package: String,
    /// The library or program it is part of, or the file in `tests/`.
    pub target: String,
    pub program: PathBuf,
    /// The package's folder, which is the working directory of its tests.
    pub folder: PathBuf,
}

impl TestProgram {
    pub fn name(&self) -> (&str, &str) {
        (&self.package, &self.target)
    }
}

/// The results of one build.
#[derive(Default)]
pub struct Built {
    pub binaries: Binaries,
    pub tests: Vec<TestProgram>,
}

/// The lines of `--message-format=json` that are read here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Binaries {
    pub fn get(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.programs.get(name).cloned().with_context(|| format!("the workspace builds no program {name}"))
    }

    /// The programs that an earlier build left in cargo's folder.
    pub fn of_last_build(workspace: &Workspace) -> anyhow::Result<Self> {
        Self::left_by(workspace, LOCAL)
    }

    /// The same, as they are shipped.
    pub fn of_last_release(workspace: &Workspace) -> anyhow::Result<Self> {
        Self::left_by(workspace, RELEASE)
    }

    fn left_by(workspace: &Workspace, profile: &str) -> anyhow::Result<Self> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.root().join("target"), PathBuf::from);
        let mut programs = BTreeMap::new();
        for entry in std::fs::read_dir(target.join(profile)).context("nothing was built yet")? {
            let path = entry?.path();
            if path.is_file() && path.extension().is_none() {
                let name = path.file_name().and_then(|name| name.to_str()).context("a program's name is not text")?;
                programs.insert(name.to_owned(), path);
            }
        }
        Ok(Self { programs })
    }
}

/// Builds the whole workspace, tests included.
pub async fn everything(workspace: &Workspace) -> anyhow::Result<Built> {
    run(workspace, LOCAL, "functions, stand-ins and tests", &["--workspace", "--all-targets"]).await
}

/// Builds these programs.
pub async fn programs(workspace: &Workspace, label: &str, names: &[&str]) -> anyhow::Result<Binaries> {
    let mut arguments = vec!["--workspace"];
    arguments.extend(names.iter().flat_map(|name| ["--bin", name]));
    Ok(run(workspace, LOCAL, label, &arguments).await?.binaries)
}

/// Builds these programs of the functions as they are shipped: optimised across all crates, which takes a minute for each.
/// Without names of packages, dependencies have the features that all functions together need, as in `cargo lambda build`.
pub async fn shipped(workspace: &Workspace, names: &[&str]) -> anyhow::Result<Binaries> {
    let arguments: Vec<_> = names.iter().flat_map(|name| ["--bin", name]).collect();
    Ok(run(workspace, RELEASE, "functions as they are shipped", &arguments).await?.binaries)
}

/// Builds the programs of a package that is not shipped, optimised in the same way.
pub async fn optimised(workspace: &Workspace, label: &str, package: &str) -> anyhow::Result<Binaries> {
    Ok(run(workspace, RELEASE, label, &["--package", package]).await?.binaries)
}

/// Runs cargo and collects what it made.
async fn run(workspace: &Workspace, profile: &'static str, label: &str, arguments: &[&str]) -> anyhow::Result<Built> {
    let verbose = VERBOSE.get().is_some_and(|verbose| *verbose);
    let root = workspace.root().to_owned();
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let label = format!("building {label}");
    let building = tokio::task::spawn_blocking(move || {
        if verbose {
            progress::announce(&label);
        }
        let mut step = progress::counted(&label, verbose);
        let mut built = Built::default();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let succeeded = xtask::build(&root, profile, &arguments, verbose, |event| match event {
            Event::Tick(progress) => step.count(progress),
            Event::Line(line) => progress::say(line),
            Event::Message(message) => {
                if let Ok(message) = serde_json::from_str(message) {
                    built.note(message);
                }
            }
        });
        if !succeeded.context("starting cargo")? {
            bail!("cargo build failed");
        }
        step.done("");
        Ok(built)
    });
    building.await.context("waiting for cargo")?
}

impl Built {
    fn note(&mut self, message: Message) {
        let (Some(program), Some(target)) = (message.executable, message.target) else { return };
        if message.reason != "compiler-artifact" {
            return;
        }
        if message.profile.is_some_and(|profile| profile.test) {
            let folder =
                message.manifest_path.as_deref().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_owned);
            let package = package_of(&folder);
            self.tests.push(TestProgram { package, target: target.name, program, folder });
        } else if target.kind.iter().any(|kind| kind == "bin") {
            self.binaries.programs.insert(target.name, program);
        }
    }
}

/// The package's name, from its manifest's `name` line.
fn package_of(folder: &Path) -> String {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    line.map_or_else(String::new, |name| name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(line: &str) -> Built {
        let mut built = Built::default();
        built.note(serde_json::from_str(line).unwrap());
        built
    }

    #[test]
    fn programs_tests_and_libraries_are_distinguished() {
        let line = |kind: &str, test: bool, program: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{{"name":"a","kind":["{kind}"]}},
                "profile":{{"test":{test}}},"executable":{program}}}"#
            )
        };
        let program = built(&line("bin", false, r#""/t/a""#));
        assert_eq!(program.binaries.get("a").unwrap(), Path::new("/t/a"));
        let test = built(&line("lib", true, r#""/t/deps/a-1""#));
        assert_eq!((test.tests.len(), test.binaries.programs.len()), (1, 0));
        let library = built(&line("lib", false, "null"));
        assert!(library.tests.is_empty() && library.binaries.get("a").is_err());
    }
}
