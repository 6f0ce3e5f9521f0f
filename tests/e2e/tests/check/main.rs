//! What a tenant has is checked, each broken thing is found, and what can be is mended.

mod left;
mod mended;
mod outages;
mod whole;

use anyhow::{Context as _, Result, ensure};
use e2e::Cloud;
use serde_json::Value;

/// Every part that a check may report.
const PARTS: [&str; 15] = [
    "project",
    "keys",
    "schema",
    "seed",
    "invitation",
    "graph",
    "graph_user",
    "search_index",
    "search_alias",
    "customer",
    "subscription",
    "price",
    "cache",
    "catalog_secret",
    "namespace",
];

/// What a check found.
struct Found(Value);

impl Found {
    async fn of(cloud: &Cloud, tenant: &str) -> Result<Self> {
        Ok(Self(cloud.check(tenant).await?.expect(200)?))
    }

    /// What was found of the only part of this name.
    fn part(&self, resource: &str) -> Result<&Value> {
        let mut parts = self.0.as_array().context("no list")?.iter().filter(|part| part["resource"] == resource);
        let part = parts.next().with_context(|| format!("no {resource}: {}", self.0))?;
        ensure!(parts.next().is_none(), "{resource} is there twice: {}", self.0);
        Ok(part)
    }

    fn is(&self, resource: &str, state: &str) -> Result<()> {
        ensure!(self.part(resource)?["state"] == state, "{resource} is not {state}: {}", self.0);
        Ok(())
    }

    /// Checks that a part is broken, and that the report says why and what to do.
    fn is_broken(&self, resource: &str, code: &str) -> Result<()> {
        self.is(resource, "broken")?;
        self.says(resource, code)
    }

    fn says(&self, resource: &str, code: &str) -> Result<()> {
        let part = self.part(resource)?;
        ensure!(part["code"] == code, "not {code}: {part}");
        let hint = part["hint"].as_str().unwrap_or_default();
        ensure!(hint.ends_with('.') && !hint.contains(['{', '<']), "no hint: {part}");
        ensure!(part["owner"].is_string(), "no owner: {part}");
        Ok(())
    }

    /// The parts that are neither as they should be nor not needed.
    fn unsound(&self) -> Vec<&str> {
        let parts = self.0.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_sound = |part: &&Value| part["state"] == "ok" || part["state"] == "not_needed";
        parts.iter().filter(|part| !is_sound(part)).filter_map(|part| part["resource"].as_str()).collect()
    }
}

/// Repairs one part. Returns what became of it.
async fn repaired(cloud: &Cloud, slug: &str, resource: &str) -> Result<Value> {
    let done = cloud.repair(slug, &[resource]).await?.expect(200)?;
    ensure!(done.as_array().is_some_and(|parts| parts.len() == 1), "not one: {done}");
    ensure!(done[0]["resource"] == resource, "another one: {done}");
    Ok(done[0].clone())
}
