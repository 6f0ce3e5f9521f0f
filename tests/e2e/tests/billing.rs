//! Tier changes at Stripe: one customer, one subscription with one item, and in the end always the row's tier.

use anyhow::{Result, bail, ensure};
use e2e::{Cloud, calls, with_faults};
use fault_proxy::client::Match;
use serde_json::{Value, json};
use uuid::Uuid;

const ENTERPRISE: &str = "ivory_enterprise";
const PLUS: &str = "ivory_enterprise_plus";

fn tier(tier: &str) -> Value {
    json!({ "tier": tier })
}

/// The parts of a subscription that these tests compare.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subscription {
    id: String,
    item: String,
    price: String,
    cancelled: bool,
}

/// The tenant's subscription. Fails unless the tenant has exactly one customer with one subscription with one item.
async fn subscription(cloud: &Cloud, tenant_id: Uuid) -> Result<Subscription> {
    let (customers, subscriptions) = (cloud.customers(tenant_id).await?, cloud.subscriptions(tenant_id).await?);
    let ([customer], [found]) = (customers.as_slice(), subscriptions.as_slice()) else {
        bail!("not one customer with one subscription: {customers:?} {subscriptions:?}")
    };
    assert_eq!((&found["customer"], &found["status"]), (&customer["id"], &json!("active")));
    let items = found["items"]["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [item] = items else { bail!("not one item: {items:?}") };
    assert_eq!(item["quantity"], 1);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Subscription {
        id: text(&found["id"]),
        item: text(&item["id"]),
        price: text(&item["price"]["lookup_key"]),
        cancelled: found["cancel_at_period_end"] == true,
    })
}

/// How many of the tenant's billing intents are still open.
async fn open(cloud: &Cloud, tenant_id: Uuid) -> Result<i64> {
    let open = "SELECT count(*) FROM control.outbox
                WHERE tenant_id = $1 AND kind = 'settle_billing' AND delivered_at IS NULL";
    Ok(cloud.control().await?.query_one(open, &[&tenant_id]).await?.get(0))
}

/// Time passes: leases end, the tenant's open intent is due, and it is settled.
async fn settled(cloud: &Cloud, tenant_id: Uuid) -> Result<()> {
    let control = cloud.control().await?;
    let over = "UPDATE control.tenants SET lease_until = clock_timestamp() - interval '1 second'
                WHERE tenant_id = $1 AND lease_until IS NOT NULL";
    control.execute(over, &[&tenant_id]).await?;
    let due = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() - interval '1 second'
               WHERE tenant_id = $1 AND kind = 'settle_billing' AND delivered_at IS NULL";
    ensure!(control.execute(due, &[&tenant_id]).await? == 1, "not exactly one open intent");
    cloud.reconcile_until(async || Ok(open(cloud, tenant_id).await? == 0)).await
}

fn server_error() -> String {
    json!({ "error": { "type": "api_error", "message": "Something went wrong." } }).to_string()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn one_subscription_follows_every_tier_change() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("tiers", tier("pilot")).await?;
    assert_eq!((cloud.customers(tenant_id).await?.len(), cloud.subscriptions(tenant_id).await?.len()), (0, 0));

    let record = cloud.change(&slug, tier("enterprise")).await?.expect(200)?;
    assert_eq!(record["tier"], "enterprise");
    assert_eq!(record["stripe_customer_id"], cloud.customers(tenant_id).await?[0]["id"]);
    let mut expected = subscription(&cloud, tenant_id).await?;
    assert_eq!((expected.price.as_str(), expected.cancelled), (ENTERPRISE, false));

    for (to, price, cancelled) in
        [("enterprise_plus", PLUS, false), ("pilot", PLUS, true), ("enterprise", ENTERPRISE, false)]
    {
        let answer = cloud.change(&slug, tier(to)).await?.expect(200)?;
        assert_eq!((&answer["tier"], &answer["stripe_customer_id"]), (&json!(to), &record["stripe_customer_id"]));
        expected = Subscription { price: price.to_owned(), cancelled, ..expected };
        assert_eq!(subscription(&cloud, tenant_id).await?, expected, "{to}");
        assert_eq!(open(&cloud, tenant_id).await?, 0);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tier_change_also_removes_the_cache_entry_and_changes_the_other_fields() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("retier", tier("pilot")).await?;
    cloud.cache(&slug, tenant_id).await?;
    let domain = format!("{slug}.example.com");
    let change = json!({ "tier": "enterprise_plus", "display_name": "Another", "custom_domain": domain });
    let record = cloud.change(&slug, change.clone()).await?.expect(200)?;
    for (name, value) in change.as_object().into_iter().flatten() {
        assert_eq!(&record[name], value);
    }
    assert_eq!(cloud.cached(&slug, tenant_id).await?, 0);
    assert_eq!(subscription(&cloud, tenant_id).await?.price, PLUS);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_pilot_stays_a_pilot_if_stripe_refuses_the_subscription() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("declined", tier("pilot")).await?;
    with_faults(async |cloud, faults| {
        let before = cloud.tenant(&slug).await?;
        let body = json!({ "error": { "type": "card_error", "code": "card_declined", "message": "Declined." } });
        let subscribe = calls::subscription(tenant_id);
        let fault = faults.answer("stripe", subscribe, 402, &body.to_string()).await?;
        let refused = cloud.change(&slug, tier("enterprise")).await?.problem(409, "billing_rejected")?;
        let detail = refused["detail"].as_str().unwrap_or_default();
        ensure!(detail.starts_with("Nothing was changed. ") && detail.contains("dashboard"), "{detail}");
        ensure!(!detail.contains("Declined"), "Stripe's own text: {detail}");
        assert_eq!(cloud.tenant(&slug).await?, before);
        assert_eq!((cloud.subscriptions(tenant_id).await?.len(), open(cloud, tenant_id).await?), (0, 0));

        faults.mend(fault).await?;
        cloud.change(&slug, tier("enterprise")).await?.expect(200)?;
        assert_eq!(subscription(cloud, tenant_id).await?.price, ENTERPRISE);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn nothing_changes_if_stripe_refuses_the_price() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("refused", tier("enterprise")).await?;
    with_faults(async |cloud, faults| {
        let (record, billed) = (cloud.tenant(&slug).await?, subscription(cloud, tenant_id).await?);
        let body = json!({ "error": { "type": "invalid_request_error", "message": "No." } }).to_string();
        faults
            .answer("stripe", Match::request("POST", &format!("^/v1/subscriptions/{}$", billed.id)), 400, &body)
            .await?;
        for to in ["enterprise_plus", "pilot"] {
            cloud.change(&slug, tier(to)).await?.problem(409, "billing_rejected")?;
        }
        assert_eq!(cloud.tenant(&slug).await?, record);
        assert_eq!((subscription(cloud, tenant_id).await?, open(cloud, tenant_id).await?), (billed, 0));
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn the_reconciler_reverts_a_change_that_was_answered_by_an_error() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("broken", tier("enterprise")).await?;
    with_faults(async |cloud, faults| {
        let (record, billed) = (cloud.tenant(&slug).await?, subscription(cloud, tenant_id).await?);
        let update = Match::request("POST", &format!("^/v1/subscriptions/{}$", billed.id));
        let fault = faults.answer_after("stripe", update, 500, &server_error()).await?;
        cloud.change(&slug, tier("enterprise_plus")).await?.later(503, "unavailable", "5")?;
        assert_eq!(cloud.tenant(&slug).await?, record);
        assert_eq!((subscription(cloud, tenant_id).await?.price.as_str(), open(cloud, tenant_id).await?), (PLUS, 1));
        faults.mend(fault).await?;
        settled(cloud, tenant_id).await?;
        assert_eq!(subscription(cloud, tenant_id).await?, billed);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn the_reconciler_finds_and_ends_a_subscription_whose_answer_was_lost() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("hanging", tier("pilot")).await?;
    with_faults(async |cloud, faults| {
        let subscribe = calls::subscription(tenant_id);
        let fault = faults.hold_answer("stripe", subscribe).await?;
        cloud.change(&slug, tier("enterprise")).await?.later(503, "unavailable", "5")?;
        faults.mend(fault).await?;
        assert_eq!(cloud.tenant(&slug).await?["tier"], "pilot");
        let made = subscription(cloud, tenant_id).await?;
        assert_eq!((made.cancelled, open(cloud, tenant_id).await?), (false, 1));
        settled(cloud, tenant_id).await?;
        let mut expected = Subscription { cancelled: true, ..made };
        assert_eq!(subscription(cloud, tenant_id).await?, expected);

        // A repeated request resumes it.
        cloud.change(&slug, tier("enterprise")).await?.expect(200)?;
        expected.cancelled = false;
        assert_eq!(subscription(cloud, tenant_id).await?, expected);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn row_and_stripe_agree_after_two_simultaneous_changes() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("torn", tier("enterprise")).await?;
    let (up, down) = tokio::join!(cloud.change(&slug, tier("enterprise_plus")), cloud.change(&slug, tier("pilot")));
    let mut done = 0;
    for answer in [up?, down?] {
        if answer.status == 409 {
            answer.later(409, "operation_in_progress", "5")?;
        } else {
            answer.expect(200)?;
            done += 1;
        }
    }
    ensure!(done > 0, "neither change was made");
    let billed = subscription(&cloud, tenant_id).await?;
    match cloud.tenant(&slug).await?["tier"].as_str() {
        Some("enterprise_plus") => assert_eq!((billed.price.as_str(), billed.cancelled), (PLUS, false)),
        Some("pilot") => ensure!(billed.cancelled, "{billed:?}"),
        tier => bail!("{tier:?}"),
    }
    assert_eq!(open(&cloud, tenant_id).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_customer_deleted_at_stripe_is_made_anew_by_the_next_change_and_is_no_obstacle_to_a_deactivation()
-> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("deleted", tier("enterprise")).await?;
    let gone = subscription(&cloud, tenant_id).await?;
    let before = cloud.tenant(&slug).await?["stripe_customer_id"].as_str().unwrap_or_default().to_owned();
    cloud.delete_customer(&before).await?;

    let record = cloud.change(&slug, tier("enterprise_plus")).await?.expect(200)?;
    let customers = cloud.customers(tenant_id).await?;
    assert_eq!((customers.len(), &customers[0]["id"]), (1, &record["stripe_customer_id"]));
    assert_ne!(record["stripe_customer_id"], before.as_str());
    let subscriptions = cloud.subscriptions(tenant_id).await?;
    let live: Vec<&Value> = subscriptions.iter().filter(|it| it["status"] == "active").collect();
    ensure!(subscriptions.len() == 2 && live.len() == 1 && live[0]["id"] != gone.id.as_str(), "{subscriptions:?}");
    assert_eq!(live[0]["items"]["data"][0]["price"]["lookup_key"], PLUS);
    assert_eq!(open(&cloud, tenant_id).await?, 0);

    cloud.delete_customer(record["stripe_customer_id"].as_str().unwrap_or_default()).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    cloud.reconcile_until(async || Ok(open(&cloud, tenant_id).await? == 0)).await?;
    assert_eq!((cloud.customers(tenant_id).await?.len(), cloud.subscriptions(tenant_id).await?.len()), (0, 2));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_deactivated_tenants_subscription_ends_with_its_period() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("leaving", tier("enterprise")).await?;
    let billed = subscription(&cloud, tenant_id).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    cloud.reconcile_until(async || Ok(open(&cloud, tenant_id).await? == 0)).await?;
    assert_eq!(subscription(&cloud, tenant_id).await?, Subscription { cancelled: true, ..billed });
    Ok(())
}
