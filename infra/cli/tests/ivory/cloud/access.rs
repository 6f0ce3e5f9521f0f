//! Credentials that may do less.

use anyhow::{Result, ensure};
use e2e::{Cloud, Issuer, Lakehouse};
use reqwest::Method;
use serde_json::{Value, json};

use super::Desk;
use crate::recorder::Recorder;

fn is_allowed(check: &Value, command: &str) -> Option<bool> {
    let commands = check["commands"].as_array()?;
    commands.iter().find(|entry| entry["command"] == command)?["allowed"].as_bool()
}

/// What the check says is what the API does.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_check_says_what_the_credentials_may_do() -> Result<()> {
    let desk = Desk::new().await?;
    let auditor = desk.ivory.set("IVORY_API_KEY", &desk.cloud.auditor_key).without("IVORY_TOKEN");
    let check = auditor.json(0, "auth check").await?;
    assert_eq!((&check["api_key"]["groups"], &check["token"]), (&json!(["auditor"]), &Value::Null));
    let allowed = ["tenant list", "tenant delete", "catalog list"].map(|command| is_allowed(&check, command));
    assert_eq!(allowed, [Some(true), Some(false), Some(false)]);
    auditor.json(0, "tenant list --limit 1").await?;
    ensure!(auditor.run("tenant retry nobody").await?.ends(3)?.err.contains("forbidden"));
    ensure!(auditor.run("catalog list").await?.ends(3)?.err.contains("IVORY_TOKEN"));
    // A key that nobody has.
    let stranger = auditor.set("IVORY_API_KEY", "not-a-key");
    ensure!(stranger.run("auth check").await?.ends(3)?.err.contains("unauthenticated"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenants_own_token_reads_what_is_its_own() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let lakehouse = Lakehouse::of_new_tenant(&cloud, "cli-own").await?;
    lakehouse.upsert(&json!({})).await?.expect(201)?;
    let desk = Desk::at(&cloud).await?;
    let token = Issuer::of(&cloud).await?.tenant(&lakehouse.tenant_id.to_string())?;
    let tenant = desk.ivory.set("IVORY_TOKEN", &token).without("IVORY_API_KEY");
    let catalog = tenant.json(0, &format!("catalog get {}", lakehouse.slug)).await?;
    assert_eq!(catalog["tenant_slug"], json!(lakehouse.slug));
    assert_eq!(tenant.json(0, &format!("sync list --tenant {}", lakehouse.tenant_id)).await?, json!([]));
    tenant.run("catalog list").await?.ends(3)?;
    let check = tenant.json(0, "auth check").await?;
    assert_eq!((is_allowed(&check, "catalog get"), is_allowed(&check, "catalog list")), (Some(true), Some(false)));
    Ok(())
}

/// The recorder itself: what the document does not allow reaches no cloud.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_recorder_lets_no_wrong_request_pass() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let recorder = Recorder::before(&cloud).await?;
    let send = async |method: Method, path: &str| {
        let url = format!("{}{path}", recorder.url());
        cloud.http.request(method, url).header("x-api-key", &cloud.admin_key).send().await
    };
    assert_eq!(send(Method::GET, "/v1/admin/tenants?limit=1").await?.status(), 200);
    assert_eq!(recorder.take_faults(), Vec::<String>::new());
    for (method, path) in [(Method::GET, "/v1/admin/tenants?size=1"), (Method::PUT, "/v1/admin/tenants")] {
        assert_eq!(send(method, path).await?.status(), 418, "{path}");
        assert_eq!(recorder.take_faults().len(), 1, "{path}");
    }
    assert_eq!(recorder.operations().into_iter().collect::<Vec<_>>(), ["list-tenants"]);
    Ok(())
}
