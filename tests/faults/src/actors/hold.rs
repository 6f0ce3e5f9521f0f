//! A tenant is put under a legal hold, or released from it: one statement, which the client repeats until it is answered.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::actors::acts::{Act, Actor};
use crate::actors::requests::{met, repeated};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness;

/// Why the tenant of each cell is held.
const REASON: &str = "Acme v. Bank";

/// However often the request was sent, the tenant was held or released once.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let cloud = &stage.cloud;
    let subject = stage.ordered(async |subject| Ok(subject)).await?;
    let (status, _) = stage.goes_live(&subject).await?;
    let holds = act.actor == Actor::Hold;
    if !holds {
        cloud.hold(&subject.slug, REASON).await?.expect(200)?;
    }
    let rule = act.lay(stage, fault, &subject).await?;
    if holds {
        repeated(stage, fault, rule, 200, async || cloud.hold(&subject.slug, REASON).await).await?;
    } else {
        repeated(stage, fault, rule, 204, async || cloud.release(&subject.slug).await).await?;
    }
    met(stage, rule).await?;

    let record = cloud.tenant(&subject.slug).await?;
    let reason = if holds { REASON.into() } else { Value::Null };
    ensure!(record["hold"]["reason"] == reason, "another hold: {record}");
    let mut testimony = witness::of(cloud, &subject, &status).await?;
    let audited = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = $2";
    let action = if holds { "tenant.hold" } else { "tenant.release_hold" };
    let audited: i64 = cloud.control().await?.query_one(audited, &[&subject.tenant_id, &action]).await?.get(0);
    testimony.count("change audited", usize::try_from(audited)?);
    Ok(Played { testimony, posts: 0 })
}
