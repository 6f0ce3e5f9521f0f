//! No secret leaks into executions, logs, answers, the control database, or answers that are kept for repeated
//! requests. The logs of all tests contain no undocumented answer. Cargo runs test programs in the order of their
//! names, so this one runs last and sees what all others left behind.

mod haystacks;
mod needles;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{CREDENTIAL_MARK, Cloud, Issuer, Lakehouse, State, TOKEN_MARK, credential, unique};
use regex::Regex;
use reqwest::Method;
use serde_json::{Value, json};

/// Creates, replaces and refuses credentials, with a key for which the answer is kept. Returns the catalog's id.
async fn catalog_with_credentials(lakehouse: &Lakehouse) -> Result<String> {
    let order =
        || lakehouse.order(&json!({ "s3_access_key_id": credential("id"), "s3_secret_key_enc": credential("key") }));
    let post = |order: &Value| lakehouse.request(Method::POST, &lakehouse.path()).json(order);
    let made = post(&order()).header("idempotency-key", unique("canary"));
    let made = lakehouse.cloud.send(made).await?.expect(201)?;
    lakehouse.cloud.send(post(&order())).await?.expect(201)?;
    lakehouse.cloud.send(post(&order()).header("if-match", "\"1\"")).await?.problem(412, "version_mismatch")?;
    for (field, value) in [
        ("warehouse", json!(format!("s3://{CREDENTIAL_MARK}:{CREDENTIAL_MARK}@bucket/"))),
        ("warehouse", json!(format!("jdbc:postgresql://host/a?password={CREDENTIAL_MARK}"))),
        ("catalog_uri", json!(format!("https://host/?Access%5FToken={CREDENTIAL_MARK}"))),
        ("s3_endpoint", json!(format!("https://host/?next=https%3A%2F%2Fu%3A{CREDENTIAL_MARK}%40other%2F"))),
        ("metadata", json!({ "db": { "password": CREDENTIAL_MARK } })),
    ] {
        let mut wrong = order();
        wrong[field] = value;
        // A refusal is kept for its key.
        let wrong = post(&wrong).header("idempotency-key", unique("canary"));
        lakehouse.cloud.send(wrong).await?.problem(422, "validation_failed")?;
    }
    Ok(made["id"].as_str().context("no id")?.to_owned())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn no_secret_leaks() -> Result<()> {
    let cloud = Cloud::from_env()?;
    // A tenant is refused, created, fails, resumes and becomes active, in case no other test ran.
    let slug = unique("canary");
    cloud.provision(&slug, json!({ "region": "mars" })).await?.problem(422, "validation_failed")?;
    let tenant_id = cloud.accepted(&slug, json!({})).await?.to_string();
    cloud.impose(&cloud.environment(&slug).await?, "INIT_FAILED").await?;
    cloud.wait_until(&slug, State::Failed, Duration::from_mins(2)).await?;
    cloud.accepted(&slug, json!({})).await?;
    cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
    cloud.tenant(&slug).await?;
    let lakehouse = Lakehouse::of(&cloud, tenant_id.parse()?, &slug).await?;
    let catalog_id = catalog_with_credentials(&lakehouse).await?;

    let needles = needles::all(&cloud).await?;
    ensure!(needles.values().any(|name| name.contains(&tenant_id)), "the new tenant's secrets are not looked for");
    ensure!(needles.values().any(|name| name.contains(&catalog_id)), "the new catalog's secrets are not looked for");
    ensure!(Issuer::of(&cloud).await?.admin()?.starts_with(TOKEN_MARK), "the tests' tokens are not looked for");
    let pattern: Vec<String> = needles.keys().map(|needle| regex::escape(needle)).collect();
    let pattern = Regex::new(&pattern.join("|"))?;
    for (needle, name) in &needles {
        ensure!(pattern.is_match(&format!("\"{needle}\"")), "{name} would not be found");
    }
    let mut found = Vec::new();
    for (name, haystack) in haystacks::all(&cloud).await? {
        // Searches for a value that each place must contain. Otherwise a search that finds nothing proves nothing.
        ensure!(haystack.iter().any(|straw| straw.contains(&tenant_id)), "{name}: it does not contain the tenant's id");
        for straw in &haystack {
            for needle in pattern.find_iter(straw) {
                let around: String = straw.chars().take(200).collect();
                found.push(format!("{} in {name}: {}", needles[needle.as_str()], pattern.replace_all(&around, "***")));
            }
        }
        println!("{name}: {} entries", haystack.len());
    }
    ensure!(found.is_empty(), "{} secrets leaked:\n{}", found.len(), found.join("\n"));
    Ok(())
}

/// In all tests, no route answered with a problem that is not documented for it.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn no_answer_is_undocumented() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let answer = cloud.get("/v1/admin/tenants/absent-tenant").await?;
    answer.problem(404, "tenant_not_found")?;
    let request_id = answer.header("x-request-id").context("no request id")?;
    let lines = cloud.aws.log_events_with(request_id).await?;
    let says = |line: &str, message: &str| line.contains(&format!("\"message\":\"{message}\""));
    let answered: Vec<&String> = lines.iter().filter(|line| says(line, "answered")).collect();
    ensure!(answered.iter().any(|line| line.contains(request_id)), "the log does not contain a known request");
    let undocumented: Vec<&String> = lines.iter().filter(|line| says(line, "an undocumented answer")).collect();
    ensure!(undocumented.is_empty(), "{undocumented:#?}");
    Ok(())
}
