//! The template and native builds of its functions, ready for `sam deploy`.
//!
//! Only the paths of the functions' code are changed in the template. The code that is shipped is built for another
//! processor, into `target/lambda/`, and is not touched here.
//!
//! SAM would pack the programs one after the other, as small as it can, at each start of a cloud: that was two thirds of a
//! start. It takes packages as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::compile::Binaries;
use crate::layout::{CloudFolder, Workspace};
use crate::tools::venv::Venv;
use crate::{progress, python};

/// The folder of a function's code in the template.
const SHIPPED: &str = "target/lambda/";

/// What to deploy.
pub struct Staged {
    pub template: PathBuf,
    /// The parameters the template declares.
    pub parameters: BTreeSet<String>,
}

/// What `pack.py` returns.
#[derive(Deserialize)]
struct Packed {
    packed: usize,
}

/// Packs the functions' programs, but for those that were packed before and not built again since.
pub async fn pack(workspace: &Workspace, python: &Venv, binaries: &Binaries) -> anyhow::Result<()> {
    // The clouds of one command have the same packages.
    static PACKING: Mutex<()> = Mutex::const_new(());
    let _alone = PACKING.lock().await;
    let step = progress::step("packages");
    let functions = deployed(workspace)?;
    let programs: BTreeMap<_, _> =
        functions.iter().map(|name| Ok((name, binaries.get(name)?))).collect::<anyhow::Result<_>>()?;
    let input = json!({ "programs": programs, "folder": workspace.packages() });
    let Packed { packed } = python::call(workspace, python, "pack", &input).await?;
    step.done(&format!("{packed} of {}", programs.len()));
    Ok(())
}

/// Copies everything that the template refers to but the packages.
pub fn stage(workspace: &Workspace, folder: &CloudFolder) -> anyhow::Result<Staged> {
    let staging = folder.staging();
    fs::create_dir_all(&staging)?;
    let text = template(workspace)?;
    for folder in ["statemachine", "infra/aws"] {
        if workspace.root().join(folder).is_dir() {
            copy_files(&workspace.root().join(folder), &staging.join(folder))?;
        }
    }
    let template = staging.join("template.yaml");
    fs::write(&template, with_packages(&text, &workspace.packages()))?;
    Ok(Staged { template, parameters: parameters(&text) })
}

/// The names of the functions that the template deploys.
pub fn deployed(workspace: &Workspace) -> anyhow::Result<BTreeSet<String>> {
    let functions = functions(&template(workspace)?);
    if functions.is_empty() {
        bail!("template.yaml has no function with a CodeUri below {SHIPPED}");
    }
    Ok(functions)
}

fn template(workspace: &Workspace) -> anyhow::Result<String> {
    fs::read_to_string(workspace.root().join("template.yaml")).context("reading template.yaml")
}

fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Every name after [`SHIPPED`].
fn functions(template: &str) -> BTreeSet<String> {
    template.split(SHIPPED).skip(1).map(|rest| name(rest).to_owned()).collect()
}

/// The template with a package in the place of each folder.
fn with_packages(template: &str, packages: &Path) -> String {
    let mut parts = template.split(SHIPPED);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| {
        let (name, after) = rest.split_at(name(rest).len());
        let after = after.strip_prefix('/').unwrap_or(after);
        format!("{text}{}{after}", packages.join(format!("{name}.zip")).display())
    })
}

/// The function's name that a text begins with.
fn name(text: &str) -> &str {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).next().unwrap_or_default()
}

/// The keys below the top-level `Parameters:`.
fn parameters(template: &str) -> BTreeSet<String> {
    let section = template.lines().skip_while(|line| line.trim_end() != "Parameters:").skip(1);
    let section = section.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    let keys = section.filter_map(|line| line.strip_prefix("  ")?.split_once(':').map(|(key, _)| key));
    keys.filter(|key| key.starts_with(|c: char| c.is_ascii_alphabetic())).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "Transform: x\nParameters:\n  # A comment: not a key.\n  SecretPrefix:\n    Type: String\n\n  KnnEngine: {Type: String}\n\
        Resources:\n  A:\n    CodeUri: target/lambda/get-tenant/\n  B:\n    CodeUri: 'target/lambda/step-1-x'\n";

    #[test]
    fn functions_and_parameters_are_found() {
        assert_eq!(functions(TEMPLATE).into_iter().collect::<Vec<_>>(), ["get-tenant", "step-1-x"]);
        assert_eq!(parameters(TEMPLATE).into_iter().collect::<Vec<_>>(), ["KnnEngine", "SecretPrefix"]);
    }

    #[test]
    fn packages_stand_in_the_place_of_folders() {
        let template = with_packages(TEMPLATE, Path::new("/p"));
        let code: Vec<_> = template.lines().filter(|line| line.contains("CodeUri")).map(str::trim).collect();
        assert_eq!(code, ["CodeUri: /p/get-tenant.zip", "CodeUri: '/p/step-1-x.zip'"]);
    }
}
