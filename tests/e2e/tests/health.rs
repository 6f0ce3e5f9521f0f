//! The health of the lakehouse, which needs no credential: what a readiness probe gets for each way in which it can
//! fail.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use e2e::{Answer, Cloud, Faults, is_timestamp, with_faults};
use fault_proxy::client::{Match, UpstreamState, When};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// The contract's three seconds, and time for the network.
const ANSWERED: Duration = Duration::from_millis(3500);
/// How long an answer of the gateway is reused.
const COUNTS: Duration = Duration::from_secs(5);

/// Sends one probe without a credential.
async fn probe(cloud: &Cloud) -> Result<Answer> {
    let asked = Instant::now();
    let answer = cloud.send(cloud.request(Method::GET, "/v1/admin/lakehouse/health")).await?;
    ensure!(asked.elapsed() < ANSWERED, "took {:?}: {answer:?}", asked.elapsed());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    Ok(answer)
}

/// Probes until the answer is as wanted. By then an older answer must no longer be reused.
async fn becomes(cloud: &Cloud, wanted: impl Fn(&Answer) -> Result<bool>) -> Result<()> {
    let end = Instant::now() + COUNTS + Duration::from_secs(1);
    loop {
        let begun = Instant::now();
        let answer = probe(cloud).await?;
        if wanted(&answer)? {
            return Ok(());
        }
        if begun > end {
            bail!("still {answer:?}");
        }
        sleep(Duration::from_millis(250)).await;
    }
}

async fn becomes_unavailable(cloud: &Cloud, error: &str) -> Result<()> {
    // This is the whole body, so it contains no host.
    let body = json!({ "status": "unavailable", "error": error });
    becomes(cloud, |answer| Ok(answer.status == 503 && answer.json()? == body)).await
}

async fn becomes_healthy(cloud: &Cloud) -> Result<()> {
    becomes(cloud, |answer| Ok(answer.status == 200)).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_lakehouse_that_answers_is_healthy() -> Result<()> {
    with_faults(async |cloud, _| {
        // The first probe may have to start a process of the function.
        cloud.send(cloud.request(Method::GET, "/v1/admin/lakehouse/health")).await?;
        becomes_healthy(cloud).await?;
        let health = probe(cloud).await?.expect(200)?;
        let expected = json!({
            "status": "ok", "latency_ms": health["latency_ms"], "checked_at": health["checked_at"],
        });
        assert_eq!(health, expected);
        ensure!(health["latency_ms"].is_u64() && is_timestamp(&health["checked_at"]), "{health}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn the_lakehouse_is_not_asked_at_every_probe() -> Result<()> {
    with_faults(async |cloud, faults| {
        becomes_healthy(cloud).await?;
        let mut checks: Vec<Value> = Vec::new();
        for _ in 0..10 {
            checks.push(probe(cloud).await?.expect(200)?["checked_at"].clone());
        }
        checks.dedup();
        ensure!(checks.len() < 10, "{checks:?}");
        let asked = faults.calls().await?.iter().filter(|call| call.upstream == "iomete").count();
        ensure!(asked < 10, "asked {asked} times");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn each_way_to_fail_has_its_own_answer() -> Result<()> {
    with_faults(async |cloud, faults| {
        becomes_healthy(cloud).await?;
        let config = || Match::request("GET", "/v1/config$");
        // Connections are reset. It varies whether that happens while they are opened or right after.
        faults.set_state("iomete", UpstreamState::Refuse).await?;
        let reset = ["connection failed", "connection closed"];
        let reset = reset.map(|error| json!({ "status": "unavailable", "error": error }));
        becomes(cloud, |answer| Ok(answer.status == 503 && reset.contains(&answer.json()?))).await?;
        // Connections are accepted, but nothing is sent.
        faults.set_state("iomete", UpstreamState::Silent).await?;
        becomes_unavailable(cloud, "connection timeout").await?;
        faults.set_state("iomete", UpstreamState::Up).await?;
        for (status, body, error) in [
            (500, r#"{"error":{"message":"iomete.internal:8080 is broken"}}"#, "HTTP status 500"),
            (401, "{}", "HTTP status 401"),
            (200, "{}", "unexpected answer"),
            (200, "<html>", "unexpected answer"),
        ] {
            let fault = faults.answer("iomete", config(), status, body).await?;
            becomes_unavailable(cloud, error).await?;
            faults.mend(fault).await?;
        }
        let fault = faults.cut("iomete", config(), When::After).await?;
        becomes_unavailable(cloud, "connection closed").await?;
        faults.mend(fault).await?;
        becomes_healthy(cloud).await
    })
    .await
}

/// The route recovers without any action, at the latest when the last answer is no longer reused.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn it_recovers_without_any_action() -> Result<()> {
    with_faults(async |cloud, faults: &Faults| {
        becomes_healthy(cloud).await?;
        let fault = faults.answer("iomete", Match::request("GET", "/v1/config$"), 503, "{}").await?;
        becomes_unavailable(cloud, "HTTP status 503").await?;
        faults.mend(fault).await?;
        becomes_healthy(cloud).await
    })
    .await
}
