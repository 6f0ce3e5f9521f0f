//! Executions and tasks that an earlier release began.

use anyhow::{Context as _, Result};
use domain::{Caught, Run};
use lambda_kit::operation::Operation;
use record_failure::RecordFailure;
use serde_json::Value;
use upgrades::{json, releases};

fn list<'a>(inputs: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    inputs[name].as_array().filter(|list| !list.is_empty()).with_context(|| format!("no {name}"))
}

#[test]
fn an_input_names_its_run() -> Result<()> {
    for release in releases()? {
        let inputs = json(&release, "inputs.json")?;
        for input in list(&inputs, "executions")?.iter().chain(list(&inputs, "tasks")?) {
            let run: Run = serde_json::from_value(input.clone()).with_context(|| input.to_string())?;
            assert_eq!(run.tenant_id.to_string(), input["tenant_id"].as_str().context("a tenant")?);
            assert_eq!(i64::from(run.attempt), input["attempt"].as_i64().context("an attempt")?);
            assert_eq!(run.slug.as_deref(), input["slug"].as_str());
            assert_eq!(run.correlation_id.as_deref(), input["correlation_id"].as_str());
        }
    }
    Ok(())
}

#[test]
fn a_failure_is_recorded_with_its_cause() -> Result<()> {
    for release in releases()? {
        for failure in list(&json(&release, "inputs.json")?, "failures")? {
            let input = &failure["input"];
            let read = serde_json::from_value::<<RecordFailure as Operation>::Event>(input.clone());
            read.with_context(|| input.to_string())?;
            let caught: Caught = serde_json::from_value(input["error"].clone())?;
            assert_eq!(caught.cause().code, failure["code"].as_str().context("a code")?, "{input}");
        }
    }
    Ok(())
}
