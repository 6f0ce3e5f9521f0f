//! An environment as samconfig.toml describes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::cli::Environment;
use crate::stack::Kind;
use crate::template::Template;

/// All stacks of an environment, in the order of their deployment.
#[derive(Debug)]
pub struct Installation {
    pub environment: String,
    /// The only account it may be deployed into.
    pub account: String,
    /// The profile of AWS Signer that signs the functions' code.
    pub signing_profile: Option<String>,
    pub stacks: Vec<Stack>,
}

/// One stack.
#[derive(Debug)]
pub struct Stack {
    pub kind: Kind,
    /// Its part of the section's name: `network`, `region-us-east-1`.
    pub label: String,
    pub name: String,
    pub region: String,
    pub template_file: String,
    pub template: Template,
    /// The parameters that samconfig.toml gives.
    pub parameters: BTreeMap<String, String>,
}

/// The part of a section that is read here.
#[derive(Debug, Deserialize)]
struct Section {
    template_file: String,
    stack_name: String,
    region: String,
    #[serde(default)]
    parameter_overrides: Vec<String>,
}

impl Installation {
    pub fn read(root: &Path, environment: &Environment) -> anyhow::Result<Self> {
        let path = root.join(&environment.config_file);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut installation =
            Self::parse(&text, root, &environment.name).with_context(|| format!("reading {}", path.display()))?;
        if let Some(region) = &environment.region {
            for stack in installation.stacks.iter_mut().filter(|stack| stack.kind != Kind::Region) {
                stack.region.clone_from(region);
            }
        }
        Ok(installation)
    }

    /// Reads samconfig.toml's text; the templates are below `root`.
    pub fn parse(text: &str, root: &Path, environment: &str) -> anyhow::Result<Self> {
        let document: toml::Table = toml::from_str(text)?;
        let Some(settings) = document.get(environment).and_then(|section| section.get("installation")) else {
            let environments = document.iter().filter(|(_, section)| section.get("installation").is_some());
            let known: Vec<_> = environments.map(|(name, _)| name.as_str()).collect();
            bail!("there is no environment {environment:?}, only {}", known.join(", "));
        };
        let setting = |name| settings.get("parameters")?.get(name)?.as_str().map(str::to_owned);
        let account = setting("account").context("the environment has no account")?;
        let mut stacks = Vec::new();
        for kind in Kind::IN_ORDER {
            for (section, content) in &document {
                let Some(label) = section.strip_prefix(environment).and_then(|rest| rest.strip_prefix('-')) else {
                    continue;
                };
                if is_of(kind, label) {
                    stacks.push(Stack::parse(kind, label, content, root).with_context(|| format!("[{section}]"))?);
                }
            }
        }
        for required in [Kind::Secrets, Kind::Main] {
            ensure!(stacks.iter().any(|stack| stack.kind == required), "there is no section {environment}-{required}");
        }
        Ok(Self { environment: environment.to_owned(), account, signing_profile: setting("signing_profile"), stacks })
    }

    /// Fails for credentials of another account.
    pub fn belongs_into(&self, account: &str) -> anyhow::Result<()> {
        let Self { environment, account: own, .. } = self;
        ensure!(account == own, "{environment} belongs into account {own}, and these credentials are of {account}");
        Ok(())
    }

    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Stack> {
        self.stacks.iter().filter(move |stack| stack.kind == kind)
    }

    /// The only stack of such a kind.
    pub fn one(&self, kind: Kind) -> anyhow::Result<&Stack> {
        self.of(kind).next().with_context(|| format!("there is no section {}-{kind}", self.environment))
    }

    pub fn secret_prefix(&self) -> anyhow::Result<&str> {
        Ok(self.one(Kind::Secrets)?.parameters.get("SecretPrefix").map_or("ivory", String::as_str))
    }

    /// The residency regions.
    pub fn regions(&self) -> anyhow::Result<Vec<&str>> {
        let regions =
            self.one(Kind::Main)?.parameters.get("ConfiguredRegions").context("ConfiguredRegions is not set")?;
        Ok(regions.split(',').map(str::trim).collect())
    }
}

fn is_of(kind: Kind, label: &str) -> bool {
    match kind {
        Kind::Region => label.starts_with("region-"),
        _ => label == kind.to_string(),
    }
}

impl Stack {
    fn parse(kind: Kind, label: &str, content: &toml::Value, root: &Path) -> anyhow::Result<Self> {
        let parameters =
            content.get("deploy").and_then(|deploy| deploy.get("parameters")).context("no deploy.parameters")?;
        let section: Section = parameters.clone().try_into()?;
        let mut parameters = BTreeMap::new();
        for text in section.parameter_overrides {
            let (name, value) = text.split_once('=').with_context(|| format!("{text:?} is not Name=Value"))?;
            ensure!(parameters.insert(name.to_owned(), value.to_owned()).is_none(), "{name} is given twice");
        }
        let template = Template::read(&root.join(&section.template_file))?;
        Ok(Self {
            kind,
            label: label.to_owned(),
            name: section.stack_name,
            region: section.region,
            template_file: section.template_file,
            template,
            parameters,
        })
    }
}

/// The checkout `cargo xtask` was called in.
pub fn root() -> anyhow::Result<PathBuf> {
    // Set by `cargo run`. The compiled-in path serves a binary that was started by hand.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).join("../..").canonicalize().context("looking for the checkout")
}
