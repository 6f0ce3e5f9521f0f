//! `Idempotency-Key`: a repeated request gets the same answer, and no effect happens twice.
//!
//! A fault of the record table affects every request with a key, so the tests run one after the other.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, Issuer, alone, unique, with_faults};
use fault_proxy::client::{Match, When};
use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::HeaderValue;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const TENANTS: &str = "/v1/admin/tenants";

/// A request of the administrator with a key.
async fn keyed(cloud: &Cloud, method: Method, path: &str, key: &str, body: &Value) -> Result<Answer> {
    cloud
        .send(cloud.admin(method, path).header("idempotency-key", HeaderValue::from_bytes(key.as_bytes())?).json(body))
        .await
}

async fn post(cloud: &Cloud, key: &str, order: &Value) -> Result<Answer> {
    keyed(cloud, Method::POST, TENANTS, key, order).await
}

async fn patch(cloud: &Cloud, slug: &str, key: &str, change: &Value) -> Result<Answer> {
    keyed(cloud, Method::PATCH, &format!("{TENANTS}/{slug}"), key, change).await
}

fn pilot(slug: &str) -> Value {
    Cloud::order(slug, &json!({ "tier": "pilot" }))
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// Checks that `again` is a replay of `first`.
fn check_replay(first: &Answer, again: &Answer) {
    assert!(!replayed(first), "{first:?}");
    assert!(replayed(again), "{again:?}");
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    for name in ["content-type", "location", "retry-after", "etag"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
}

/// How many entries of an action the tenant has in the audit log.
async fn audited(cloud: &Cloud, slug: &str, action: &str) -> Result<i64> {
    let count = "SELECT count(*) FROM control.audit_log JOIN control.tenants USING (tenant_id)
                 WHERE slug = $1 AND action = $2";
    Ok(cloud.control().await?.query_one(count, &[&slug, &action]).await?.get(0))
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_repeated_request_gets_the_same_answer() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, key) = (unique("again"), unique("key"));
    let first = post(&cloud, &key, &pilot(&slug)).await?;
    let tenant_id = first.expect(202)?["tenant_id"].as_str().context("no id")?.to_owned();
    cloud.deactivate(&slug).await?.no_content()?;
    // Without the key this request would be answered by 409 now.
    check_replay(&first, &post(&cloud, &key, &pilot(&slug)).await?);
    assert_eq!(cloud.aws.executions_of(&tenant_id).await?, [format!("{tenant_id}-1")]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_key_belongs_to_one_request() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, other, key) = (unique("once"), unique("once"), unique("key"));
    let first = post(&cloud, &key, &pilot(&slug)).await?;
    first.expect(202)?;
    let mut renamed = pilot(&slug);
    renamed["display_name"] = json!("Another");
    for order in [renamed, pilot(&other), json!({})] {
        post(&cloud, &key, &order).await?.problem(422, "idempotency_key_reused")?;
    }
    cloud.get(&format!("{TENANTS}/{other}")).await?.problem(404, "tenant_not_found")?;
    check_replay(&first, &post(&cloud, &key, &pilot(&slug)).await?);

    // The path is a part of the request.
    let (key, change) = (unique("key"), json!({ "display_name": "Another" }));
    patch(&cloud, &slug, &key, &change).await?.expect(200)?;
    patch(&cloud, &other, &key, &change).await?.problem(422, "idempotency_key_reused")?;
    cloud.deactivate(&slug).await?.no_content()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn keys_are_separate_for_each_route_and_caller() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, key) = (unique("whose"), unique("key"));
    post(&cloud, &key, &pilot(&slug)).await?.expect(202)?;
    let change = json!({ "display_name": "Another" });
    let changed = patch(&cloud, &slug, &key, &change).await?;
    changed.expect(200)?;
    check_replay(&changed, &patch(&cloud, &slug, &key, &change).await?);

    let issuer = Issuer::of(&cloud).await?;
    let body =
        json!({ "catalog_uri": "https://catalog.example.com", "warehouse": "s3://lake", "storage_prefix": slug });
    let catalog = async |subject: &str| {
        let mut claims = issuer.claims(subject)?;
        claims["role"] = json!("admin");
        let request = cloud.request(Method::POST, &format!("{TENANTS}/{slug}/catalog"));
        let request = request.bearer_auth(issuer.sign(&claims)).header("idempotency-key", &key);
        cloud.send(request.json(&body)).await
    };
    for subject in ["alice", "bob"] {
        let first = catalog(subject).await?;
        first.expect(201)?;
        check_replay(&first, &catalog(subject).await?);
    }
    cloud.deactivate(&slug).await?.no_content()
}

/// What is kept is kept for the consumer. Somebody who rotates a key in between does not do twice what they did.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_rotated_key_repeats_its_consumers_requests() -> Result<()> {
    with_faults(async |cloud, _| {
        let secret = format!("{}/control/callers", cloud.secret_prefix()?);
        let known = cloud.aws.secret(&secret).await?;
        let old = format!("sha256:{}", hex::encode(digest(&SHA256, cloud.admin_key.as_bytes())));
        let (new_key, mut rotated) = (unique("a-long-and-random-key"), known.clone());
        let consumers = rotated["consumers"].as_array_mut().context("consumers")?;
        let keys = consumers.iter_mut().filter_map(|consumer| consumer["keys"].as_array_mut());
        let keys = keys.into_iter().find(|keys| keys.iter().any(|key| *key == old.as_str())).context("no such key")?;
        keys.push(json!(format!("sha256:{}", hex::encode(digest(&SHA256, new_key.as_bytes())))));
        let (slug, key) = (unique("rotated"), unique("key"));
        let first = post(cloud, &key, &pilot(&slug)).await?;
        first.expect(202)?;
        cloud.aws.put_secret(&secret, &rotated).await?;
        let outcome = async {
            let end = Instant::now() + Duration::from_secs(20);
            loop {
                let call = cloud.request(Method::POST, TENANTS).header("x-api-key", &new_key);
                let again = cloud.send(call.header("idempotency-key", &key).json(&pilot(&slug))).await?;
                // The authorizer has the secret as it was, for up to 10 s.
                if again.status != 401 || Instant::now() > end {
                    check_replay(&first, &again);
                    return Ok(());
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        let outcome: Result<()> = outcome.await;
        cloud.aws.put_secret(&secret, &known).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        outcome
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn permanent_refusals_are_replayed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, key) = (unique("refused"), unique("key"));
    let wrong = json!({ "slug": slug });
    let first = post(&cloud, &key, &wrong).await?;
    first.invalid()?;
    check_replay(&first, &post(&cloud, &key, &wrong).await?);

    let change = json!({ "display_name": "Another" });
    let absent = patch(&cloud, &slug, &key, &change).await?;
    absent.problem(404, "tenant_not_found")?;
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    // The tenant exists now, but the first answer is replayed.
    check_replay(&absent, &patch(&cloud, &slug, &key, &change).await?);
    patch(&cloud, &slug, &unique("key"), &change).await?.expect(200)?;
    cloud.deactivate(&slug).await?.no_content()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn conflicts_are_not_replayed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, key) = (unique("conflict"), unique("key"));
    cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
    let elsewhere = Cloud::order(&slug, &json!({ "tier": "pilot", "region": "eu-central-1" }));
    post(&cloud, &key, &elsewhere).await?.problem(409, "immutable_field")?;
    cloud.deactivate(&slug).await?.no_content()?;
    let again = post(&cloud, &key, &elsewhere).await?;
    again.problem(409, "tenant_deprovisioned")?;
    ensure!(!replayed(&again), "{again:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn failures_are_not_replayed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("retried", json!({ "tier": "pilot" })).await?;
    with_faults(async |cloud, faults| {
        let (key, change) = (unique("key"), json!({ "display_name": "Another" }));
        let fault = faults.cut("valkey", Match::command(&format!("^UNLINK tenant:slug:{slug}$")), When::Before).await?;
        cloud.cache(&slug, tenant_id).await?;
        patch(cloud, &slug, &key, &change).await?.later(503, "unavailable", "5")?;
        faults.mend(fault).await?;
        let done = patch(cloud, &slug, &key, &change).await?;
        done.expect(200)?;
        assert_eq!(cloud.cached(&slug, tenant_id).await?, 0);
        check_replay(&done, &patch(cloud, &slug, &key, &change).await?);
        assert_eq!(audited(cloud, &slug, "tenant.update").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_key_is_visible_ascii() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, change) = (unique("absent"), json!({}));
    let long = "k".repeat(256);
    for bad in ["", long.as_str(), "two words", "schlüssel", "a\tb"] {
        let wrong = patch(&cloud, &slug, bad, &change).await?.invalid()?;
        let expected = ("Idempotency-Key".to_owned(), "must be 1 to 255 visible ASCII characters".to_owned());
        assert_eq!(wrong.into_iter().collect::<Vec<_>>(), [expected], "{bad:?}");
    }
    for good in [unique("!").as_str(), &unique("~\"{}%,;"), &format!("{}{}", &long[..200], unique("long"))] {
        patch(&cloud, &slug, good, &change).await?.problem(404, "tenant_not_found")?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn one_of_ten_simultaneous_requests_does_the_work() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, key) = (unique("crowd"), unique("key"));
    let order = pilot(&slug);
    let answers = join_all((0..10).map(|_| post(&cloud, &key, &order))).await;
    let (mut workers, mut tenant_id) = (Vec::new(), String::new());
    for answer in answers {
        let answer = answer?;
        if answer.status == 409 {
            answer.later(409, "request_in_progress", "1")?;
            continue;
        }
        let id = answer.expect(202)?["tenant_id"].as_str().context("no id")?.to_owned();
        ensure!(tenant_id.is_empty() || tenant_id == id, "two tenants: {tenant_id}, {id}");
        tenant_id = id;
        if !replayed(&answer) {
            workers.push(answer);
        }
    }
    let [worker] = workers.as_slice() else { anyhow::bail!("not one worker: {workers:?}") };
    check_replay(worker, &post(&cloud, &key, &order).await?);
    assert_eq!(cloud.aws.executions_of(&tenant_id).await?, [format!("{tenant_id}-1")]);
    cloud.deactivate(&slug).await?.no_content()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_record_reveals_neither_key_nor_request() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let _alone = alone().await;
    let (slug, key) = (unique("record"), unique("key"));
    let mut order = pilot(&slug);
    order["display_name"] = json!("Späth & Söhne");
    let answer = post(&cloud, &key, &order).await?;
    answer.expect(202)?;
    let record = cloud.aws.idempotency_record(answer.header("x-request-id").context("no id")?).await?;
    assert_eq!(record["state"]["S"], "COMPLETED");
    assert_eq!(record["body"]["S"], answer.body.as_str());
    let expires: u64 = record["expires_at"]["N"].as_str().context("no expiry")?.parse()?;
    let left = expires - SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    ensure!((23 * 3600..=24 * 3600).contains(&left), "kept for {left} s");
    let text = record.to_string();
    for hidden in [key.as_str(), &cloud.admin_key, &format!("admin@{slug}.example.com"), "Späth"] {
        ensure!(!text.contains(hidden), "{hidden} is in the record");
    }
    cloud.deactivate(&slug).await?.no_content()
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn if_the_records_are_down_a_request_with_a_key_does_nothing() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (slug, key) = (unique("norecord"), unique("key"));
        let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "no" });
        let fault = faults.answer("aws", Match::aws("DynamoDB_20120810.PutItem"), 500, &body.to_string()).await?;
        post(cloud, &key, &pilot(&slug)).await?.later(503, "unavailable", "5")?;
        cloud.get(&format!("{TENANTS}/{slug}")).await?.problem(404, "tenant_not_found")?;
        // A request without a key needs no record.
        cloud.change(&slug, json!({})).await?.problem(404, "tenant_not_found")?;
        faults.mend(fault).await?;
        let first = post(cloud, &key, &pilot(&slug)).await?;
        first.expect(202)?;
        check_replay(&first, &post(cloud, &key, &pilot(&slug)).await?);
        cloud.deactivate(&slug).await?.no_content()
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn if_an_answer_could_not_be_stored_the_request_is_executed_again() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = cloud.live("unkept", json!({ "tier": "pilot" })).await?;
    with_faults(async |cloud, faults| {
        let (key, change) = (unique("key"), json!({ "display_name": "Another" }));
        let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "no" });
        let keep = Match { body_regex: Some(slug.clone()), ..Match::aws("DynamoDB_20120810.UpdateItem") };
        let fault = faults.answer("aws", keep, 500, &body.to_string()).await?;
        let first = patch(cloud, &slug, &key, &change).await?;
        first.expect(200)?;
        faults.mend(fault).await?;
        patch(cloud, &slug, &key, &change).await?.later(409, "request_in_progress", "1")?;
        // Waits until the first invocation has certainly ended, by its Lambda time-out.
        let end = Instant::now() + Duration::from_mins(1);
        let second = loop {
            let answer = patch(cloud, &slug, &key, &change).await?;
            if answer.status != 409 {
                break answer;
            }
            answer.later(409, "request_in_progress", "1")?;
            ensure!(Instant::now() < end, "the record stays in use");
            sleep(Duration::from_secs(1)).await;
        };
        assert_eq!(second.expect(200)?, first.json()?);
        check_replay(&second, &patch(cloud, &slug, &key, &change).await?);
        assert_eq!(audited(cloud, &slug, "tenant.update").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_key_can_be_combined_with_a_version() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = cloud.live("versioned", json!({ "tier": "pilot" })).await?;
    let _alone = alone().await;
    let path = format!("{TENANTS}/{slug}");
    let etag = cloud.get(&path).await?.header("etag").context("no etag")?.to_owned();
    let (key, change) = (unique("key"), json!({ "display_name": "Another" }));
    let request = || cloud.admin(Method::PATCH, &path).header("idempotency-key", &key).json(&change);
    let first = cloud.send(request().header("if-match", &etag)).await?;
    first.expect(200)?;
    // Without the key this request would be answered by 412 now.
    check_replay(&first, &cloud.send(request().header("if-match", &etag)).await?);
    cloud.send(request().header("if-match", "*")).await?.problem(422, "idempotency_key_reused")?;
    cloud.send(request()).await?.problem(422, "idempotency_key_reused")?;
    assert_eq!(audited(&cloud, &slug, "tenant.update").await?, 1);

    // A request for an old version stays refused.
    let stale = unique("key");
    let request =
        || cloud.admin(Method::PATCH, &path).header("if-match", &etag).header("idempotency-key", &stale).json(&change);
    let refused = cloud.send(request()).await?;
    refused.problem(412, "version_mismatch")?;
    check_replay(&refused, &cloud.send(request()).await?);
    Ok(())
}
