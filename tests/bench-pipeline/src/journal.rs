//! What the local cloud wrote down of each invocation (`infra/local/python/journal.py`).

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// The file.
pub struct Journal(pub PathBuf);

/// An answered invocation. Times are seconds since 1970, or of the processor since the start of the process.
#[derive(Clone, Debug, Deserialize)]
pub struct Invocation {
    /// The function's physical name.
    pub function: String,
    /// The id of its process.
    pub process: u32,
    /// When it got the event.
    pub given: f64,
    /// When it answered.
    pub answered: f64,
    /// How long the process took until it asked for its first event, if this was it.
    pub init: Option<f64>,
    /// What the processor had done for the process when the event was given.
    pub before: f64,
    /// The same when it answered.
    pub after: f64,
}

impl Invocation {
    /// The number of the step, if the function is one.
    pub fn step(&self) -> Option<usize> {
        let mut parts = self.function.split('-').filter_map(|part| part.strip_prefix("Step"));
        parts.find_map(|part| part.get(..1)?.parse().ok())
    }
}

impl Journal {
    /// All invocations so far.
    pub fn read(&self) -> Result<Vec<Invocation>> {
        let text = std::fs::read_to_string(&self.0).with_context(|| format!("reading {}", self.0.display()))?;
        // The last line may not be whole yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }
}

/// What the processor had done for each process at its last answer.
pub fn used(invocations: &[Invocation]) -> HashMap<u32, f64> {
    let mut used = HashMap::new();
    for invocation in invocations {
        let known: &mut f64 = used.entry(invocation.process).or_default();
        *known = known.max(invocation.after);
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_known_by_its_name() {
        let of = |function: &str| {
            let line = format!(
                "{{\"function\":\"{function}\",\"process\":7,\"given\":1.5,\"answered\":2,\"init\":null,\"before\":0.1,\"after\":0.2}}"
            );
            serde_json::from_str::<Invocation>(&line).expect("an invocation").step()
        };
        assert_eq!(of("ivory-Step7CreateSearchIndexFunction-1A2B3C"), Some(7));
        assert_eq!(of("ivory-ProvisionTenantFunction-1A2B3C"), None);
    }
}
