//! How settling works for each state of Stripe.

use billing::{Change, Plan};
use domain::{CauseCode, FailureKind, Tier};
use stripe::{PreparedPost, Subscription};
use uuid::Uuid;

use crate::wire::Fault;
use crate::world::{CALL, PRICES, World};

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn if_nothing_was_begun_and_nothing_is_wanted_stripe_is_not_called() {
    let world = World::start().await;
    let lease = world.provisioning(Tier::Pilot).await;
    let settled = world.biller().settle(&lease, None).await.expect("nothing to do");
    assert_eq!((settled.customer_id, settled.subscription_id, settled.change), (None, None, Change::Nothing));
    assert_eq!((world.wire.seen(), world.secrets_read()), (Vec::new(), 0));
    drop(lease);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn settling_again_changes_nothing() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let lease = world.hold(&tenant).await;
    for (wanted, first) in [
        (Some(Plan::Enterprise), Change::Nothing),
        (Some(Plan::EnterprisePlus), Change::Updated),
        (None, Change::Cancelled),
        (Some(Plan::EnterprisePlus), Change::Updated),
    ] {
        for expected in [first, Change::Nothing] {
            world.wire.seen();
            let settled = world.biller().settle(&lease, wanted).await.expect("settled");
            assert_eq!(settled.change, expected);
            assert_eq!(settled.customer_id, tenant.stripe_customer_id);
            let posts = world.wire.seen().iter().filter(|line| line.starts_with("POST")).count();
            assert_eq!(posts, usize::from(expected != Change::Nothing), "one request, and only if something differs");
        }
    }
    drop(lease);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_ended_subscription_is_replaced_by_a_new_one() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let first = world.live(&tenant).await.expect("subscribed");
    world.end(&first).await;
    let lease = world.hold(&tenant).await;
    let none = world.biller().settle(&lease, None).await.expect("ended is as good as cancelled");
    assert_eq!((none.subscription_id, none.change), (None, Change::Nothing));
    let settled = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect("settled");
    assert_eq!(settled.change, Change::Created);
    assert_ne!(settled.subscription_id.as_deref(), Some(first.id.as_str()));
    world.check(&tenant).await;
    assert_eq!(world.subscriptions(&tenant).await.len(), 2);
    drop(lease);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_lost_answer_is_repeated_with_the_key_and_looked_for_after_a_day() {
    let world = World::start().await;
    for (lost, a_day_later, change) in [
        (Fault::Answer, false, Change::Nothing),
        (Fault::Request, false, Change::Nothing),
        (Fault::Answer, true, Change::Nothing),
        (Fault::Request, true, Change::Created),
    ] {
        let lease = world.provisioning(Tier::Enterprise).await;
        world.wire.fault("POST /v1/subscriptions ", lost);
        let failure = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("no answer");
        assert_eq!(failure.kind(), FailureKind::Transient);
        if a_day_later {
            let sql = "UPDATE control.resources SET sent_at = sent_at - interval '24 hours'";
            world.database.client.batch_execute(sql).await.expect("answers");
        }
        let settled = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect("settled");
        assert_eq!(settled.change, change);
        assert_eq!(world.subscriptions(lease.tenant()).await.len(), 1, "{lost:?} {a_day_later}");
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_request_that_may_still_take_effect_is_waited_for() {
    let world = World::start().await;
    let lease = world.provisioning(Tier::Enterprise).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Request);
    world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("no answer");
    let early = world.biller().settle(&lease, None).await.expect_err("it may still come");
    assert_eq!(early.code(), CauseCode::SubscriptionNotVisible);
    let sql = "UPDATE control.resources SET sent_at = sent_at - interval '3 minutes'";
    world.database.client.batch_execute(sql).await.expect("answers");
    let settled = world.biller().settle(&lease, None).await.expect("it never arrived");
    assert_eq!((settled.subscription_id, settled.change), (None, Change::Nothing));
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_key_whose_answer_is_an_old_error_is_replaced() {
    let world = World::start().await;
    let lease = world.provisioning(Tier::Enterprise).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Answer);
    world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("no answer");
    world.wire.fault("POST /v1/subscriptions ", Fault::Replay);
    let adopted = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect("found in the list");
    assert_eq!(adopted.change, Change::Nothing);
    let other = world.provisioning(Tier::Enterprise).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Replay);
    let made = world.biller().settle(&other, Some(Plan::Enterprise)).await.expect("asked for under a new key");
    assert_eq!(made.change, Change::Created);
    for lease in [lease, other] {
        assert_eq!(world.subscriptions(lease.tenant()).await.len(), 1);
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn several_items_are_not_changed() {
    let world = World::start().await;
    let tenant = world.active(Tier::EnterprisePlus).await;
    let lease = world.hold(&tenant).await;
    let live = world.live(&tenant).await.expect("subscribed");
    let price = world.stripe().price_by_lookup_key(PRICES[0]).await.expect("answers").expect("seeded");
    let path = format!("/v1/subscriptions/{}", live.id);
    let second = PreparedPost { path, body: format!("items%5B0%5D%5Bprice%5D={}", price.id) };
    let _: Subscription = world.stripe().post(&second, &Uuid::now_v7().to_string()).await.expect("a second item");
    world.wire.seen();
    let several = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("two items");
    assert_eq!(several.code(), CauseCode::SubscriptionItemsSeveral);
    assert!(world.wire.seen().iter().all(|line| line.starts_with("GET")));
    let cancelled = world.biller().settle(&lease, None).await.expect("with any items");
    assert_eq!(cancelled.change, Change::Cancelled);
    drop(lease);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_missing_price_is_reported_only_if_it_is_needed() {
    let world = World::start().await;
    let billing = world.billing_with([PRICES[0], "archived"]);
    let tenant = world.active(Tier::Enterprise).await;
    let lease = world.hold(&tenant).await;
    let failure = billing.within(CALL).settle(&lease, Some(Plan::EnterprisePlus)).await.expect_err("no such price");
    assert_eq!(failure.code(), CauseCode::BillingPriceMissing);
    world.wire.seen();
    billing.within(CALL).settle(&lease, Some(Plan::Enterprise)).await.expect("it has its price");
    assert!(!world.wire.seen().iter().any(|line| line.contains("/v1/prices")));
    drop(lease);
}
