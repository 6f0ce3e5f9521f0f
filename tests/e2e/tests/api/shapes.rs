//! The fields and formats of answers, and how ids are passed on.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, State, is_timestamp, unique};
use reqwest::Method;
use serde_json::{Value, json};

const RECORD: &str = "activated_at admin_email created_at custom_domain display_name error_message falkordb_graph_name hold \
    is_active provisioned_at provisioning_state purge region restored_at slug stripe_customer_id supabase_project_ref \
    supabase_url tenant_id tier updated_at";
const STATUS: &str = "attempt completed_steps failed_steps last_error lost_domain provisioning_state purge slug steps tenant_id updated_at";
const STEP: &str = "attempts cause duration_ms finished_at id name next_retry_at started_at state waiting_for";
const CAUSE: &str = "code hint owner provider_request_id retryable";
const NAMES: [&str; 9] = [
    "create-environment",
    "await-environment",
    "migrate-tenant",
    "verify-seed",
    "invite-admin",
    "create-graph",
    "create-search-index",
    "invalidate-cache",
    "activate-tenant",
];

/// The names of an object's fields; `serde_json` keeps them in alphabetical order.
fn names(object: &Value) -> String {
    object.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

fn check_record(record: &Value) {
    assert_eq!(names(record), RECORD);
    for name in ["provisioned_at", "created_at", "updated_at"] {
        assert!(is_timestamp(&record[name]), "{name}: {record}");
    }
}

fn check_status(status: &Value) {
    assert_eq!(names(status), STATUS);
    assert!(is_timestamp(&status["updated_at"]), "{status}");
    let steps = status["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(steps.len(), 9);
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(names(step), STEP);
        assert_eq!((&step["id"], &step["name"]), (&json!(format!("step_{}", index + 1)), &json!(NAMES[index])));
        for name in ["started_at", "finished_at", "next_retry_at"] {
            assert!(step[name].is_null() || is_timestamp(&step[name]), "{name}: {step}");
        }
        assert_eq!(step["duration_ms"].is_u64(), step["finished_at"].is_string(), "{step}");
        assert!(step["cause"].is_null() || names(&step["cause"]) == CAUSE, "{step}");
    }
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn record_and_status_have_their_documented_shape_in_every_state() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("shapes");
    // Slug and address are compared and kept in lower case. White space around the name is removed. The tier has its
    // default.
    let email = format!("Admin@{slug}.Example.COM");
    let order = json!({ "admin_email": email, "display_name": "  Späth & Söhne 銀行 ", "tier": null });
    cloud.accepted(&slug, order).await?;
    let record_path = format!("/v1/admin/tenants/{slug}");
    let status_path = format!("{record_path}/status");

    let record = cloud.get(&record_path).await?.expect(200)?;
    check_record(&record);
    assert_eq!(record["admin_email"], format!("admin@{slug}.example.com"));
    assert_eq!(record["display_name"], "Späth & Söhne 銀行");
    assert_eq!(record["tier"], "enterprise");
    assert_eq!(record["provisioning_state"], "provisioning");
    assert_eq!(record["is_active"], false);
    for name in ["falkordb_graph_name", "custom_domain", "stripe_customer_id", "error_message", "activated_at"] {
        assert_eq!(record[name], Value::Null, "{name}");
    }
    let answer = cloud.get(&status_path).await?;
    check_status(&answer.expect(200)?);
    ensure!(matches!(answer.header("retry-after"), Some("5" | "15")), "{answer:?}");

    cloud.wait_for(&slug, Duration::from_mins(1), |status| status.step(2)["state"] == "waiting").await?;
    let answer = cloud.get(&status_path).await?;
    let status = answer.expect(200)?;
    check_status(&status);
    if status["steps"][1]["state"] == "waiting" {
        assert_eq!(answer.header("retry-after"), Some("15"));
        ensure!(status["steps"][1]["waiting_for"].is_string(), "{status}");
        ensure!(is_timestamp(&status["steps"][1]["next_retry_at"]), "{status}");
    }

    cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
    let record = cloud.get(&record_path).await?.expect(200)?;
    check_record(&record);
    ensure!(is_timestamp(&record["activated_at"]), "{record}");
    assert_eq!(record["created_at"], record["provisioned_at"]);
    let answer = cloud.get(&status_path).await?;
    check_status(&answer.expect(200)?);
    assert_eq!(answer.header("retry-after"), None);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_correlation_id_is_in_every_log_line_of_the_run() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("follow");
    let correlation_id = format!("e2e.{slug}_1");
    let order = Cloud::order(&slug, &json!({ "tier": "pilot" }));
    let request =
        cloud.admin(Method::POST, "/v1/admin/tenants").header("x-correlation-id", &correlation_id).json(&order);
    let answer = cloud.send(request).await?;
    answer.expect(202)?;
    cloud.wait_until(&slug, State::Active, Duration::from_mins(2)).await?;
    let events = cloud.announced(&slug).await?;
    assert_eq!(
        events.iter().map(|event| event["correlation_id"].as_str()).collect::<Vec<_>>(),
        [correlation_id.as_str()]
    );

    let lines = cloud.aws.log_events().await?;
    let followed: Vec<&String> = lines.iter().filter(|line| line.contains(&correlation_id)).collect();
    let request_id = answer.header("x-request-id").context("no request id")?;
    ensure!(followed.iter().any(|line| line.contains(request_id)), "the log lines of the request itself lack it");
    for (number, name) in (1..).zip(NAMES) {
        let function = format!("step-{number}-{name}");
        ensure!(
            followed.iter().any(|line| line.contains(&format!("\"{function}\""))),
            "the lines of {function} lack it"
        );
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_invalid_correlation_id_is_replaced() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let control = cloud.control().await?;
    for bad in ["with space", "new=line", &"x".repeat(129), ""] {
        let slug = unique("follow");
        let order = Cloud::order(&slug, &json!({ "tier": "pilot" }));
        let request = cloud.admin(Method::POST, "/v1/admin/tenants").header("x-correlation-id", bad).json(&order);
        let answer = cloud.send(request).await?;
        answer.expect(202)?;
        let kept = control.query_one("SELECT correlation_id FROM control.tenants WHERE slug = $1", &[&slug]).await?;
        assert_eq!(answer.header("x-request-id"), Some(kept.get::<_, &str>(0)), "{bad:?}");
    }
    Ok(())
}
