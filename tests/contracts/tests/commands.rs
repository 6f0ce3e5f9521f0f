//! Every command of `sam` and `aws` that a document names resolves its arguments.

#![allow(clippy::disallowed_methods, reason = "a test takes its programs from the environment")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use contracts::{read, root};
use serde_json::json;

/// The documents with commands for an operator.
const DOCUMENTS: [&str; 4] = ["README.md", "SECURITY.md", "infra/aws/README.md", "infra/RUNBOOK.md"];

/// The commands in a document: lines of its blocks, after a prompt if there is one, and code within a sentence.
fn commands(document: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in document.lines() {
        let line = line.trim().trim_start_matches("$ ");
        let candidates = std::iter::once(line).chain(line.split('`').skip(1).step_by(2));
        for candidate in candidates {
            let command = candidate.split(" #").next().unwrap_or_default().trim();
            // A name alone, or a command of which only the beginning is meant, is no command.
            let is_whole = ["sam deploy ", "sam delete ", "aws "].iter().any(|start| command.starts_with(start));
            if is_whole && command.split(' ').count() > 2 && !command.contains('`') {
                found.insert(command.to_owned());
            }
        }
    }
    found
}

/// What is wrong with the commands, by command.
fn complaints(commands: &BTreeSet<String>) -> Result<BTreeMap<String, String>> {
    let (sam, checks) =
        (std::env::var("TEST_SAM").context("TEST_SAM")?, std::env::var("TEST_CHECKS").context("TEST_CHECKS")?);
    let sam = Path::new(&sam).parent().context("TEST_SAM")?.display();
    let path = std::env::var("PATH").context("PATH")?;
    let mut python = Command::new(std::env::var("TEST_PYTHON").context("TEST_PYTHON")?);
    python.args(["-B", "python/commands.py"]).env("PATH", format!("{checks}:{sam}:{path}"));
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let given = json!({ "root": root()?, "commands": commands });
    child.stdin.take().context("no input")?.write_all(given.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[test]
#[ignore = "needs TEST_SAM"]
fn every_documented_command_resolves_its_arguments() -> Result<()> {
    let mut all = BTreeSet::new();
    for document in DOCUMENTS {
        all.extend(commands(&read(document)?));
    }
    assert!(all.len() >= 8, "few commands were found: {all:?}");
    assert_eq!(complaints(&all)?, BTreeMap::new());
    Ok(())
}

/// The sections of samconfig.toml are commands too.
#[test]
#[ignore = "needs TEST_SAM"]
fn every_section_of_samconfig_resolves_its_arguments() -> Result<()> {
    let config = read("samconfig.toml")?;
    let sections = config.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(".deploy.parameters]"));
    let all: BTreeSet<_> = sections.map(|section| format!("sam deploy --config-env {section}")).collect();
    assert!(all.len() > 20, "{all:?}");
    assert_eq!(complaints(&all)?, BTreeMap::new());
    Ok(())
}

#[test]
#[ignore = "needs TEST_SAM"]
fn a_command_that_cannot_work_is_found() -> Result<()> {
    // The first one was documented once: the region is not found, since samconfig.toml is looked for beside the template.
    let wrong = [
        "sam deploy --template-file infra/aws/secrets.yaml --stack-name ivory-secrets --resolve-s3",
        "sam deploy --config-env prod-netwerk --template-file infra/aws/network.yaml",
        "aws secretsmanager put-secret-value --secret ivory/control/stripe --region us-east-1",
        "aws cloudformation describe-stacks --stack-name ivory",
    ];
    let wrong: BTreeSet<_> = wrong.map(str::to_owned).into();
    assert_eq!(complaints(&wrong)?.into_keys().collect::<BTreeSet<_>>(), wrong);
    Ok(())
}
