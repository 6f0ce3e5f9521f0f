//! A run of the pipeline, as its execution's input names it.

use serde::{Deserialize, Serialize};

use crate::tenant::TenantId;

/// The input of an execution and of each of its tasks. Execution history keeps every input, so it holds what a run is called
/// and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Whose run it is.
    pub tenant_id: TenantId,
    /// Which of the tenant's runs, from 1.
    pub attempt: i32,
    /// The tenant's slug, for the log. An execution that an older release started does not name it.
    #[serde(default)]
    pub slug: Option<String>,
    /// The correlation id of the request that asked for the run, for the log. The tenant's row holds that of the newest
    /// attempt only, and cannot always be read.
    #[serde(default)]
    pub correlation_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    const TENANT: &str = "01900000-0000-7000-8000-000000000000";

    #[test]
    fn an_execution_of_an_older_release_is_a_run() {
        let run: Run = from_value(json!({ "tenant_id": TENANT, "attempt": 2 })).expect("a run");
        assert_eq!((run.tenant_id.to_string().as_str(), run.attempt), (TENANT, 2));
        assert_eq!((run.slug, run.correlation_id), (None, None));
    }

    #[test]
    fn what_the_pipeline_adds_to_the_input_is_ignored() {
        let input = json!({ "tenant_id": TENANT, "attempt": 1, "slug": "acme", "correlation_id": "c", "environment": { "ready": true } });
        let run: Run = from_value(input).expect("a run");
        assert_eq!((run.slug.as_deref(), run.correlation_id.as_deref()), (Some("acme"), Some("c")));
    }
}
