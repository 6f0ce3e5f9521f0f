//! The state machines in `statemachine/`.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use domain::{PurgeStep, Step};
use serde_json::Value;

use crate::{pascal_case, read};

/// A definition, and what is particular to it.
#[derive(Debug)]
pub struct Machine {
    /// The whole definition.
    pub document: Value,
    /// Its resource in the template.
    pub resource: &'static str,
    /// The state that records why it failed.
    pub recorder: &'static str,
    /// The state in which it has failed.
    pub failed: &'static str,
    steps: Vec<String>,
}

impl Machine {
    /// The pipeline.
    pub fn load() -> Result<Self> {
        Ok(Self {
            document: serde_json::from_str(&read("statemachine/provision-tenant.asl.json")?)?,
            resource: "ProvisionTenantStateMachine",
            recorder: "RecordFailure",
            failed: "ProvisioningFailed",
            steps: Step::ALL.iter().map(|step| step.function().to_owned()).collect(),
        })
    }

    /// The purge.
    pub fn purge() -> Result<Self> {
        Ok(Self {
            document: serde_json::from_str(&read("statemachine/purge-tenant.asl.json")?)?,
            resource: "PurgeTenantStateMachine",
            recorder: "RecordPurgeFailure",
            failed: "PurgeFailed",
            steps: PurgeStep::ALL.iter().map(|step| step.function().to_owned()).collect(),
        })
    }

    /// Both.
    pub fn all() -> Result<[Self; 2]> {
        Ok([Self::load()?, Self::purge()?])
    }

    /// One state.
    pub fn state(&self, name: &str) -> Result<&Value> {
        self.document["States"].get(name).with_context(|| format!("no state {name}"))
    }

    /// The refusals of Lambda that a state waits for, without their prefix.
    pub fn refusals(&self, name: &str) -> Result<BTreeSet<String>> {
        let retriers = self.state(name)?["Retry"].as_array().context("Retry")?;
        let names = retriers.iter().flat_map(|retrier| retrier["ErrorEquals"].as_array().into_iter().flatten());
        Ok(names.filter_map(|name| Some(name.as_str()?.strip_prefix("Lambda.")?.to_owned())).collect())
    }

    /// The crates of the steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The states of the steps, in order.
    pub fn tasks(&self) -> Result<Vec<(String, &Value)>> {
        let names = self.steps.iter().map(|name| pascal_case(name));
        names.map(|name| self.state(&name).map(|state| (name.clone(), state))).collect()
    }

    /// The same, and the state that records why it failed.
    pub fn all_tasks(&self) -> Result<Vec<(String, &Value)>> {
        let mut tasks = self.tasks()?;
        tasks.push((self.recorder.to_owned(), self.state(self.recorder)?));
        Ok(tasks)
    }
}
