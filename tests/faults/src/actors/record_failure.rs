//! `record-failure` of an attempt that failed in step 7.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use e2e::{State, calls};
use fault_proxy::client::{Action, Answer, When};
use serde_json::json;

use crate::actors::acts::Act;
use crate::actors::requests::{kill_if_asked, met};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness;

/// The failure is recorded once, with its cause. The next `POST` resumes the tenant.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let (subject, (forbidden, rule)) = stage
        .ordered(async |subject| {
            let index = calls::index(&subject.slug);
            let forbidden = stage.lay("opensearch-us-east-1", index, no_permission(), u64::MAX).await?;
            let rule = act.lay(stage, fault, &subject).await?;
            Ok((subject, (forbidden, rule)))
        })
        .await?;
    kill_if_asked(stage, fault, rule).await?;
    let failed = stage.arrives(&subject).await?;
    ensure!(failed.provisioning_state == State::Failed, "not failed: {failed:?}");
    ensure!(failed.cause()?["code"] == "opensearch_permission_missing", "another cause: {failed:?}");
    met(stage, rule).await?;
    stage.mend(forbidden).await?;
    stage.post(&subject.slug).await?;
    let (status, posts) = stage.goes_live(&subject).await?;
    ensure!(status.attempt == 2, "not the second attempt: {status:?}");
    Ok(Played { testimony: witness::of(&stage.cloud, &subject, &status).await?, posts })
}

/// What OpenSearch answers to whom it does not let do something.
pub fn no_permission() -> Action {
    let body = json!({ "error": { "type": "security_exception", "reason": "no permissions" }, "status": 403 });
    let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    Action::Respond(Answer::Http { status: 403, headers, body: body.to_string(), when: When::Before })
}
