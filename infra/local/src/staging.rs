//! The template and native builds of its functions, ready for `sam deploy`.
//!
//! Only the paths of the functions' code are changed in the template. The code that is shipped is built for another
//! processor, into `target/lambda/`, and is not touched here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::compile::Binaries;
use crate::layout::{CloudFolder, Workspace};

/// The folder of a function's code in the template.
const SHIPPED: &str = "target/lambda/";

/// What to deploy.
pub struct Staged {
    pub template: PathBuf,
    /// The parameters the template declares.
    pub parameters: BTreeSet<String>,
}

/// Copies or links everything that the template refers to.
pub fn stage(workspace: &Workspace, folder: &CloudFolder, binaries: &Binaries) -> anyhow::Result<Staged> {
    let staging = folder.staging();
    let text = template(workspace)?;
    for function in functions(&text) {
        put_bootstrap(&binaries.get(&function)?, &staging.join("functions").join(&function))?;
    }
    for folder in ["statemachine", "infra/aws"] {
        if workspace.root().join(folder).is_dir() {
            copy_files(&workspace.root().join(folder), &staging.join(folder))?;
        }
    }
    let template = staging.join("template.yaml");
    fs::write(&template, text.replace(SHIPPED, "functions/"))?;
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

/// A function's package is a folder with a program `bootstrap`, here a hard link to cargo's file.
fn put_bootstrap(program: &Path, package: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(package)?;
    let bootstrap = package.join("bootstrap");
    // The link keeps today's content: cargo replaces its files instead of writing into them.
    if fs::hard_link(program, &bootstrap).is_err() {
        fs::copy(program, &bootstrap).with_context(|| format!("staging {}", program.display()))?;
    }
    Ok(())
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
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    template.split(SHIPPED).skip(1).filter_map(|rest| rest.split(ends).next()).map(str::to_owned).collect()
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
}
