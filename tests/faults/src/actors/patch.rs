//! `PATCH` of the tier: Stripe first, then the row. Both agree in the end, even if the process dies in between.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::actors::acts::Act;
use crate::actors::requests::{met, repeated};
use crate::effects::Subject;
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness;

/// The client repeats its request until it is answered. Then Stripe bills the row's tier.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let subject = stage.ordered(async |subject| Ok(subject)).await?;
    let (status, _) = stage.goes_live(&subject).await?;
    let before = stage.cloud.subscriptions(subject.tenant_id).await?;
    let subscription = before.first().and_then(|it| it["id"].as_str()).context("no subscription")?;
    let subject = Subject { project_ref: subscription.to_owned(), ..subject };
    let rule = act.lay(stage, fault, &subject).await?;
    let change = json!({ "tier": "enterprise_plus" });
    repeated(stage, fault, rule, 200, async || stage.cloud.change(&subject.slug, change.clone()).await).await?;
    met(stage, rule).await?;
    witness::settle(&stage.cloud, subject.tenant_id).await?;

    let record = stage.cloud.tenant(&subject.slug).await?;
    ensure!(record["tier"] == "enterprise_plus", "the row has another tier: {record}");
    let after = stage.cloud.subscriptions(subject.tenant_id).await?;
    let price =
        |subscriptions: &[serde_json::Value]| subscriptions[0]["items"]["data"][0]["price"]["lookup_key"].clone();
    let wanted = stage.cloud.aws.environment_of("update-tenant").await?["STRIPE_PRICE_ENTERPRISE_PLUS"].clone();
    ensure!(price(&after) == wanted, "Stripe bills {}, not {wanted}", price(&after));
    let mut testimony = witness::of(&stage.cloud, &subject, &status).await?;
    let audited = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.update'";
    let audited: i64 = stage.cloud.control().await?.query_one(audited, &[&subject.tenant_id]).await?.get(0);
    testimony.count("change audited", usize::try_from(audited)?);
    Ok(Played { testimony, posts: 0 })
}
