//! `cargo xtask doctor`: what is wrong with an installation, before its first tenant finds out. It changes nothing.
//!
//! What the functions need of outside systems is asked by the function that does so every five minutes, `check-region`, from
//! where the functions are and with their credentials.

mod account;
mod certificates;
mod secrets;
mod systems;

use std::process::ExitCode;

use serde::Serialize;

use crate::aws::Aws;
use crate::check;
use crate::cli::Doctor;
use crate::installation::{self, Installation};
use crate::network;
use crate::stack::Kind;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It is as it should be.
    Fine,
    /// It works, and somebody should know.
    Warning,
    /// A tenant would fail.
    Failure,
}

/// One line of what was found.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub weight: Weight,
    /// What was looked at.
    pub what: String,
    /// What is wrong, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub fn fine(what: impl Into<String>) -> Self {
        Self { weight: Weight::Fine, what: what.into(), remedy: None }
    }

    pub fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, what: what.into(), remedy: Some(remedy.into()) }
    }

    pub fn failure(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Failure, what: what.into(), remedy: Some(remedy.into()) }
    }
}

pub fn run(doctor: &Doctor) -> anyhow::Result<ExitCode> {
    let root = installation::root()?;
    let installation = Installation::read(&root, &doctor.environment)?;
    let aws = Aws::find(&root)?;
    let findings = findings(&aws, &installation);
    if doctor.json {
        say!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            print(finding);
        }
    }
    let failed = findings.iter().any(|finding| finding.weight == Weight::Failure);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(Finding { weight, what, remedy }: &Finding) {
    let sign = match weight {
        Weight::Fine => "✓",
        Weight::Warning => "!",
        Weight::Failure => "✗",
    };
    match remedy {
        Some(remedy) => say!("{sign} {what}: {remedy}"),
        None => say!("{sign} {what}"),
    }
}

/// A part that cannot be looked at is a finding itself, and keeps nobody from looking at the others.
fn findings(aws: &Aws, installation: &Installation) -> Vec<Finding> {
    let mut findings = of_settings(installation);
    match account::check(aws, installation) {
        Ok(found) => findings.extend(found),
        // Without credentials for the account nothing else can be asked.
        Err(error) => {
            findings.push(Finding::failure("account", format!("{error:#}")));
            return findings;
        }
    }
    let parts: [(&str, anyhow::Result<Vec<Finding>>); 3] = [
        ("network", of_network(aws, installation)),
        ("secrets", secrets::check(aws, installation)),
        ("check-region", systems::check(aws, installation)),
    ];
    for (part, found) in parts {
        match found {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(Finding::failure(part, format!("{error:#}"))),
        }
    }
    findings
}

fn of_settings(installation: &Installation) -> Vec<Finding> {
    let mut findings: Vec<_> =
        check::problems(installation).into_iter().map(|problem| Finding::failure("samconfig.toml", problem)).collect();
    let examples = check::examples(installation);
    findings
        .extend(examples.into_iter().map(|it| Finding::failure("samconfig.toml", format!("{it} is the example's"))));
    if findings.is_empty() {
        findings.push(Finding::fine("samconfig.toml"));
    }
    findings
}

fn of_network(aws: &Aws, installation: &Installation) -> anyhow::Result<Vec<Finding>> {
    let main = installation.one(Kind::Main)?;
    let Some(subnets) = main.parameters.get("VpcSubnetIds") else { return Ok(Vec::new()) };
    let problems = network::of_brought(aws, installation)?;
    Ok(if problems.is_empty() {
        vec![Finding::fine(format!("network {subnets}"))]
    } else {
        problems.into_iter().map(|problem| Finding::failure("network", problem)).collect()
    })
}
