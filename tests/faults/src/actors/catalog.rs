//! `POST` of a catalog: its credentials and its row agree in the end, even if a process dies between the two writes.

use anyhow::{Context as _, Result, ensure};
use e2e::{Lakehouse, credential};
use serde_json::json;
use uuid::Uuid;

use crate::actors::acts::{Act, CATALOG};
use crate::actors::requests::{met, repeated};
use crate::effects::Subject;
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;
use crate::witness::Testimony;

/// The client repeats its request until it is answered.
pub async fn play(stage: &Stage, act: &Act, fault: Fault) -> Result<Played> {
    let lakehouse = Lakehouse::of_new_tenant(&stage.cloud, "cell").await?;
    let subject = Subject {
        slug: lakehouse.slug.clone(),
        tenant_id: lakehouse.tenant_id,
        project_ref: String::new(),
        row: Uuid::nil(),
    };
    let rule = act.lay(stage, fault, &subject).await?;
    let (id, key) = (credential("id"), credential("key"));
    let order = json!({ "s3_access_key_id": id, "s3_secret_key_enc": key });
    repeated(stage, fault, rule, 201, async || lakehouse.upsert(&order).await).await?;
    met(stage, rule).await?;
    let stored = lakehouse.credentials(CATALOG).await?;
    ensure!(stored == json!({ "s3_access_key_id": id, "s3_secret_key": key }), "the row names other credentials");
    let row = lakehouse.row(CATALOG).await?.context("no row")?;
    let mut seen = Testimony::default();
    seen.count("catalog", 1);
    let versions = row["version"].as_i64().context("no version")?;
    let audited = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = 'catalog.upsert'";
    let audited: i64 = stage.cloud.control().await?.query_one(audited, &[&subject.tenant_id]).await?.get(0);
    seen.count("audit row of each version", usize::from(audited == versions));
    Ok(Played { testimony: seen, posts: 0 })
}
