//! An execution keeps the definition that it began with, and meets today's functions.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use contracts::machine::Machine;
use contracts::template::Template;
use domain::FailureKind;
use serde_json::Value;
use upgrades::{json, releases};

/// The tasks of a definition, with their names.
fn tasks(definition: &Value) -> Result<Vec<(&String, &Value)>> {
    let states = definition["States"].as_object().context("States")?;
    Ok(states.iter().filter(|(_, state)| state["Type"] == "Task").collect())
}

/// The names in a task's retriers, with how often each is tried again.
fn retried(task: &Value) -> Result<Vec<(&str, u64)>> {
    let mut names = Vec::new();
    for retrier in task["Retry"].as_array().context("Retry")? {
        let tries = retrier["MaxAttempts"].as_u64().context("MaxAttempts")?;
        let errors = retrier["ErrorEquals"].as_array().context("ErrorEquals")?;
        names.extend(errors.iter().filter_map(Value::as_str).map(|name| (name, tries)));
    }
    Ok(names)
}

#[test]
fn the_functions_of_a_definition_are_still_there() -> Result<()> {
    let template = Template::load()?;
    for release in releases()? {
        let definition = json(&release, "provision-tenant.asl.json")?;
        for (name, task) in tasks(&definition)? {
            let function = task["Parameters"]["FunctionName"].as_str().context("FunctionName")?;
            let resource = function.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).context("a resource")?;
            template.function(resource).with_context(|| format!("{name} of {} has no function", release.display()))?;
        }
    }
    Ok(())
}

#[test]
fn a_function_says_what_a_definition_reads() -> Result<()> {
    let today = Machine::load()?;
    for release in releases()? {
        let definition = json(&release, "provision-tenant.asl.json")?;
        for (name, task) in tasks(&definition)? {
            assert_eq!(task.get("ResultSelector"), today.state(name)?.get("ResultSelector"), "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_definition_knows_the_errors_of_the_functions() -> Result<()> {
    let today: BTreeSet<&str> = FailureKind::ALL.into_iter().map(FailureKind::error_name).collect();
    for release in releases()? {
        let definition = json(&release, "provision-tenant.asl.json")?;
        for (name, task) in tasks(&definition)? {
            let retried = retried(task)?;
            for (error, _) in retried.iter().filter(|(error, _)| error.starts_with("Step.")) {
                assert!(today.contains(error), "{name} is patient with {error}, which nobody says any more");
            }
            // The recorder fails with `Step.Busy` only.
            for kind in FailureKind::ALL.into_iter().filter(|_| name.starts_with("Step")) {
                let tries = retried.iter().find(|(error, _)| *error == kind.error_name() || *error == "States.ALL");
                assert_eq!(tries.is_some_and(|(_, tries)| *tries > 0), kind.is_retried(), "{name}: {kind:?}");
            }
        }
    }
    Ok(())
}
