//! What the program says about itself.

use std::fs;
use std::process::Command as Process;

use anyhow::{Result, anyhow, ensure};
use clap::Command;
use domain::{CauseCode, ProblemCode};
use serde_json::{Value, json};

use crate::program::Ivory;

/// Every command that does something, with its words.
fn leaves(command: &Command, words: &str) -> Vec<(String, Command)> {
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    let below: Vec<_> = below.flat_map(|below| leaves(below, &format!("{words} {}", below.get_name()))).collect();
    if below.is_empty() { vec![(words.trim_start().to_owned(), command.clone())] } else { below }
}

fn all() -> Vec<(String, Command)> {
    leaves(&ivory::command(), "")
}

/// The lines below the heading.
fn examples(command: &Command) -> Vec<String> {
    let help = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
    let below = help.split("Examples:\n").nth(1).unwrap_or_default();
    below.lines().take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

/// The commands of an example that are this program's: a shell takes the other words.
pub fn commands(example: &str) -> Result<Vec<Vec<String>>> {
    let words = shell_words::split(example)?;
    let is_assignment = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c == '_' || c.is_ascii_uppercase()))
    };
    let is_ours = |word: &&String| !matches!(word.as_str(), "<" | ">" | "&&");
    let commands = words
        .split(|word| word == "|")
        .map(|words| words.iter().skip_while(is_assignment).take_while(is_ours).cloned().collect::<Vec<_>>());
    Ok(commands.filter(|words| words.first().is_some_and(|word| word == "ivory")).collect())
}

#[test]
fn every_command_has_two_examples_and_each_can_be_typed() -> Result<()> {
    for (name, command) in all() {
        let examples = examples(&command);
        ensure!(examples.len() >= 2, "{name} has {} examples", examples.len());
        for example in examples {
            ensure!(
                example.contains(&format!("ivory {name}")),
                "an example of {name} shows another command: {example}"
            );
            ensure!(!commands(&example)?.is_empty(), "an example of {name} has no command: {example}");
            for words in commands(&example)? {
                let matches = ivory::command().try_get_matches_from(&words);
                matches.map_err(|error| anyhow!("an example of {name} cannot be typed: {example}\n{error}"))?;
            }
        }
    }
    for example in examples(&ivory::command()) {
        ivory::command().try_get_matches_from(&commands(&example)?[0])?;
    }
    Ok(())
}

#[test]
fn every_command_and_option_says_what_it_is() {
    for (name, command) in all() {
        assert!(command.get_about().is_some(), "{name}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name} {}", argument.get_id());
        }
    }
}

/// Secrets are in files, variables or on standard input: other users of the machine see arguments.
#[test]
fn no_option_takes_a_secret() {
    for (name, command) in all() {
        for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
            let id = argument.get_id().as_str();
            assert!(
                !["secret", "token", "credential", "password", "api_key"].iter().any(|word| id.contains(word)),
                "{name} {id}"
            );
        }
    }
}

#[tokio::test]
async fn every_code_is_explained() -> Result<()> {
    let ivory = Ivory::new()?;
    let causes = CauseCode::ALL.iter().map(|code| (code.row().code, "cause"));
    let problems = ProblemCode::ALL.iter().map(|code| (code.as_str(), "problem"));
    for (code, kind) in causes.chain(problems) {
        let explained = ivory.run(&format!("explain {code}")).await?.ends(0)?.json()?;
        assert_eq!((&explained["code"], &explained["kind"]), (&json!(code), &json!(kind)));
    }
    for code in ["opensearch_conflict", "tenant_active", "falkordb_no_timeout"] {
        ivory.json(0, &format!("explain {code}")).await?;
    }
    let said = ivory.run("explain opensearch_conflcit").await?.ends(2)?;
    ensure!(said.err.contains("opensearch_conflict"), "the nearest one is not named: {said:#?}");
    Ok(())
}

#[tokio::test]
async fn schemas_are_schemas() -> Result<()> {
    let ivory = Ivory::new()?;
    let names = ivory.text("schema").await?;
    ensure!(names.lines().count() > 20, "{names}");
    for name in names.lines() {
        let schema: Value = serde_json::from_str(&ivory.text(&format!("schema {name}")).await?)?;
        jsonschema::meta::validate(&schema).map_err(|error| anyhow!("{name}: {error}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn shells_read_the_completions() -> Result<()> {
    let ivory = Ivory::new()?;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = ivory.text(&format!("completions {shell}")).await?;
        ensure!(script.contains("invalidate-cache") && script.contains("residency-verified"), "{shell}: {script}");
        fs::write(ivory.home(shell), script)?;
    }
    let read = Process::new("bash").arg("-n").arg(ivory.home("bash")).output()?;
    ensure!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    Ok(())
}

#[tokio::test]
async fn every_command_has_a_page_of_the_manual() -> Result<()> {
    let ivory = Ivory::new()?;
    ensure!(ivory.text("man").await?.contains(".TH"));
    ivory.run("man --dir pages").await?.ends(0)?;
    for (name, _) in all() {
        let page = fs::read_to_string(ivory.home("pages").join(format!("ivory-{}.1", name.replace(' ', "-"))))?;
        ensure!(page.contains(".TH") && page.contains("Examples"), "{name}: {page}");
    }
    Ok(())
}
