//! Steps 1 and 2: the project at Supabase and its credentials.

use anyhow::{Result, bail};
use e2e::Cloud;
use serde_json::{Value, json};

use crate::Live;

pub async fn check(cloud: &Cloud, live: &Live) -> Result<()> {
    let projects = cloud.projects(&live.slug, live.tenant_id).await?;
    let [project] = projects.as_slice() else { bail!("not one project: {projects:?}") };
    assert_eq!(project["ref"], live.project_ref.as_str());
    assert_eq!(project["deleted"], false);
    assert_eq!(project["calls"]["create_project"], 1);

    let path = format!("/v1/projects/{}", live.project_ref);
    let project = cloud.supabase(&path).await?;
    assert_eq!(project["name"], format!("{}-{}", live.slug, live.tenant_id));
    assert_eq!(project["region"], live.region);
    assert_eq!(project["status"], "ACTIVE_HEALTHY");

    let names: Vec<&String> = live.secret.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    assert_eq!(names, ["db_pass", "graph_pass", "pooler", "publishable_key", "secret_key"]);
    let name = format!("{}/tenants/{}", cloud.secret_prefix()?, live.tenant_id);
    assert!(cloud.aws.secret_has_the_installations_key(&name).await?, "{name} is encrypted with the account's key");
    let keys = cloud.supabase(&format!("{path}/api-keys?reveal=true")).await?;
    for kind in ["publishable", "secret"] {
        let key = find(&keys, "type", kind);
        assert!(key["api_key"].is_string(), "Supabase has no {kind} key");
        assert_eq!(live.secret[format!("{kind}_key")], key["api_key"]);
    }
    let poolers = cloud.supabase(&format!("{path}/config/database/pooler")).await?;
    let pooler = find(&poolers, "pool_mode", "session");
    let [host, port, user, dbname] = ["db_host", "db_port", "db_user", "db_name"].map(|name| &pooler[name]);
    assert_eq!(live.secret["pooler"], json!({ "host": host, "port": port, "user": user, "dbname": dbname }));
    Ok(())
}

fn find<'a>(list: &'a Value, name: &str, value: &str) -> &'a Value {
    list.as_array().and_then(|list| list.iter().find(|item| item[name] == value)).unwrap_or(&Value::Null)
}
