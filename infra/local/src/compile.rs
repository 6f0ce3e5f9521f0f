//! Building: one call of cargo for everything, so that functions, stand-ins and tests share every dependency's build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::layout::Workspace;

/// Where cargo put the programs it built, by name.
#[derive(Default)]
pub struct Binaries {
    programs: BTreeMap<String, PathBuf>,
}

/// A test program cargo built.
pub struct TestProgram {
    /// The package it belongs to.
    pub package: String,
    /// The target: the library or the program it is part of, or the file in `tests/`.
    pub target: String,
    pub program: PathBuf,
    /// The package's folder, where its tests expect to run.
    pub folder: PathBuf,
}

/// All that came out of one build.
#[derive(Default)]
pub struct Built {
    pub binaries: Binaries,
    pub tests: Vec<TestProgram>,
}

/// The lines of `--message-format=json` that matter here.
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

    /// What an earlier build left in cargo's folder.
    pub fn of_last_build(workspace: &Workspace) -> anyhow::Result<Self> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.root().join("target"), PathBuf::from);
        let mut programs = BTreeMap::new();
        for entry in std::fs::read_dir(target.join("local")).context("nothing was built yet")? {
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
    crate::progress::announce("building functions, stand-ins and tests (cargo build --profile local)");
    run(workspace, &["build", "--workspace", "--all-targets"]).await
}

/// Builds one program. `--workspace` keeps the dependencies' features as [`everything`] has them: `--package` would choose
/// others, and build most dependencies again.
pub async fn one(workspace: &Workspace, program: &str) -> anyhow::Result<PathBuf> {
    run(workspace, &["build", "--workspace", "--bin", program]).await?.binaries.get(program)
}

/// Runs cargo, whose progress goes to the terminal, and collects what it made.
async fn run(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<Built> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).args(["--profile", "local", "--message-format=json-render-diagnostics"]);
    command.current_dir(workspace.root()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_this_program)) {
        command.env_remove(name);
    }
    let mut child = command.spawn().context("starting cargo")?;
    let mut lines = BufReader::new(child.stdout.take().context("cargo has no output")?).lines();
    let mut built = Built::default();
    while let Some(line) = lines.next_line().await? {
        if let Ok(message) = serde_json::from_str::<Message>(&line) {
            built.note(message);
        }
    }
    if !child.wait().await?.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(built)
}

/// What cargo tells a program it runs about that program. Build scripts (ring's) ask for these and would run again, and with
/// them nearly everything be built again, whenever a build of ours follows one that was called by hand.
fn of_this_program(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
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

/// The package's name, from the line of its manifest that gives it.
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
    fn programs_tests_and_libraries_are_told_apart() {
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
