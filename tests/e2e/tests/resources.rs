//! What was made for a tenant is listed with the ids that the outside systems know.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use e2e::{Cloud, is_timestamp};
use reqwest::Method;
use serde_json::{Value, json};

/// The resources by their kind. None is there twice.
fn by_kind(listed: &Value) -> Result<BTreeMap<&str, &Value>> {
    let listed = listed.as_array().context("no list")?;
    let found: BTreeMap<_, _> = listed.iter().map(|it| (it["kind"].as_str().unwrap_or("?"), it)).collect();
    assert_eq!(found.len(), listed.len(), "a kind is there twice: {listed:?}");
    Ok(found)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_live_tenant_lists_what_it_has() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, id) = cloud.live("resources", json!({ "region": "eu-central-1" })).await?;
    let record = cloud.tenant(&slug).await?;
    let listed = cloud.get(&format!("/v1/admin/tenants/{slug}/resources")).await?.expect(200)?;
    let found = by_kind(&listed)?;
    for (kind, step, external_id) in [
        ("supabase_project", "step_1", &record["supabase_project_ref"]),
        ("graph", "step_6", &record["falkordb_graph_name"]),
        ("stripe_customer", "step_9", &record["stripe_customer_id"]),
    ] {
        let resource = found.get(kind).with_context(|| format!("no {kind} in {listed}"))?;
        assert_eq!((&resource["external_id"], &resource["step"]), (external_id, &json!(step)), "{resource}");
    }
    for (kind, resource) in &found {
        let region =
            if kind.starts_with("stripe") || *kind == "tenant_secret" { Value::Null } else { json!("eu-central-1") };
        assert_eq!((&resource["state"], &resource["region"]), (&json!("made"), &region), "{resource}");
        assert_eq!((&resource["attempt"], &resource["given_up_at"]), (&json!(1), &Value::Null), "{resource}");
        assert!(is_timestamp(&resource["asked_at"]) && is_timestamp(&resource["made_at"]), "{resource}");
    }
    for kind in ["tenant_secret", "admin_user", "search_index", "stripe_subscription"] {
        assert!(found.contains_key(kind), "no {kind} in {listed}");
    }

    // By its id too, also after its end.
    cloud.deactivate(&slug).await?.no_content()?;
    let by_id = cloud.get(&format!("/v1/admin/tenants/{id}/resources")).await?.expect(200)?;
    assert!(by_kind(&by_id)?.len() >= found.len(), "{by_id}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn nobodys_resources_are_not_found() -> Result<()> {
    let cloud = Cloud::from_env()?;
    for name in ["nobody-at-all", "01a22418-c43e-7581-b454-f7a9a0e1fbf6", "Not%20a%20slug"] {
        cloud.get(&format!("/v1/admin/tenants/{name}/resources")).await?.problem(404, "tenant_not_found")?;
    }
    let extra = cloud.admin(Method::GET, "/v1/admin/tenants/nobody-at-all/resources?limit=1");
    cloud.send(extra).await?.problem(404, "tenant_not_found").map(drop)
}
