//! `statemachine/provision-tenant.asl.json`.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use domain::Step;
use serde_json::Value;

use crate::{pascal_case, read};

/// The definition.
#[derive(Debug)]
pub struct Machine {
    /// The whole definition.
    pub document: Value,
}

impl Machine {
    /// Reads the definition.
    pub fn load() -> Result<Self> {
        Ok(Self { document: serde_json::from_str(&read("statemachine/provision-tenant.asl.json")?)? })
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

    /// The crates of the nine steps, in order.
    #[must_use]
    pub fn steps() -> Vec<String> {
        Step::ALL.iter().map(|step| step.function()).collect()
    }

    /// The states of the nine steps, in order.
    pub fn tasks(&self) -> Result<Vec<(String, &Value)>> {
        let names = Self::steps().into_iter().map(|name| pascal_case(&name));
        names.map(|name| self.state(&name).map(|state| (name.clone(), state))).collect()
    }
}
