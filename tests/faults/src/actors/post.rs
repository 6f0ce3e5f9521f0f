//! `POST`: its commit and the start of the execution.

use anyhow::{Result, ensure};
use e2e::unique;
use uuid::Uuid;

use crate::actors::acts::Act;
use crate::actors::requests::{kill_if_asked, met};
use crate::effects::Subject;
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness;

/// The client repeats its request until it is accepted. Then the tenant goes live, with one execution.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let (subject, rule) = if act.name == "row" {
        let slug = unique("cell");
        let unknown =
            Subject { slug: slug.clone(), tenant_id: Uuid::nil(), project_ref: String::new(), row: Uuid::nil() };
        let rule = act.lay(stage, fault, &unknown).await?;
        let (killed, accepted) = tokio::join!(kill_if_asked(stage, fault, rule), stage.post(&slug));
        killed.and(accepted)?;
        (Subject { tenant_id: stage.tenant_id(&slug).await?, ..unknown }, rule)
    } else {
        let lay = async |subject: Subject| {
            let rule = act.lay(stage, fault, &subject).await?;
            Ok((subject, rule))
        };
        stage.ordered_while(lay, async |(_, rule)| kill_if_asked(stage, fault, *rule).await).await?
    };
    let (status, posts) = stage.goes_live(&subject).await?;
    met(stage, rule).await?;
    let executions = stage.cloud.aws.executions_of(subject.tenant_id).await?;
    ensure!(executions == [format!("{}-1", subject.tenant_id)], "not one execution: {executions:?}");
    Ok(Played { testimony: witness::of(&stage.cloud, &subject, &status).await?, posts })
}
