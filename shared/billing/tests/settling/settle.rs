//! What settling does about what it finds.

use billing::{Change, Plan, Prices};
use domain::{FailureKind, Tier};
use stripe::{PreparedPost, Subscription};
use uuid::Uuid;

use crate::wire::Fault;
use crate::world::World;

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn where_nothing_was_begun_and_nothing_is_wanted_stripe_hears_nothing() {
    let world = World::start().await;
    let held = world.provisioning(Tier::Pilot).await;
    let settled = world.billing.settle(&held, None).await.expect("nothing to do");
    assert_eq!((settled.customer_id, settled.subscription_id, settled.change), (None, None, Change::Nothing));
    assert_eq!((world.wire.seen(), world.secrets_read()), (Vec::new(), 0));
    drop(held);
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn settled_again_nothing_changes() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let held = world.hold(&tenant).await;
    for (wanted, first) in [
        (Some(Plan::Enterprise), Change::Nothing),
        (Some(Plan::EnterprisePlus), Change::Updated),
        (None, Change::Cancelled),
        (Some(Plan::EnterprisePlus), Change::Updated),
    ] {
        for expected in [first, Change::Nothing] {
            world.wire.seen();
            let settled = world.billing.settle(&held, wanted).await.expect("settled");
            assert_eq!(settled.change, expected);
            assert_eq!(settled.customer_id, tenant.stripe_customer_id);
            let posts = world.wire.seen().iter().filter(|line| line.starts_with("POST")).count();
            assert_eq!(posts, usize::from(expected != Change::Nothing), "one request, and only if something differs");
        }
    }
    drop(held);
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_ended_is_followed_by_a_new_one() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let first = world.live(&tenant).await.expect("subscribed");
    world.end(&first).await;
    let held = world.hold(&tenant).await;
    let none = world.billing.settle(&held, None).await.expect("ended is as good as cancelled");
    assert_eq!((none.subscription_id, none.change), (None, Change::Nothing));
    let settled = world.billing.settle(&held, Some(Plan::Enterprise)).await.expect("settled");
    assert_eq!(settled.change, Change::Created);
    assert_ne!(settled.subscription_id.as_deref(), Some(first.id.as_str()));
    world.check(&tenant).await;
    assert_eq!(world.subscriptions(&tenant).await.len(), 2);
    drop(held);
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_answer_that_was_lost_is_asked_for_again_and_after_a_day_looked_for() {
    let world = World::start().await;
    for (lost, a_day_later, change) in [
        (Fault::Answer, false, Change::Nothing),
        (Fault::Request, false, Change::Nothing),
        (Fault::Answer, true, Change::Nothing),
        (Fault::Request, true, Change::Created),
    ] {
        let held = world.provisioning(Tier::Enterprise).await;
        world.wire.fault("POST /v1/subscriptions ", lost);
        let failure = world.billing.settle(&held, Some(Plan::Enterprise)).await.expect_err("no answer");
        assert_eq!(failure.kind, FailureKind::Transient);
        if a_day_later {
            let sql = "UPDATE control.resources SET sent_at = sent_at - interval '24 hours'";
            world.database.client.batch_execute(sql).await.expect("answers");
        }
        let settled = world.billing.settle(&held, Some(Plan::Enterprise)).await.expect("settled");
        assert_eq!(settled.change, change);
        assert_eq!(world.subscriptions(held.tenant()).await.len(), 1, "{lost:?} {a_day_later}");
    }
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_may_be_on_its_way_is_waited_for() {
    let world = World::start().await;
    let held = world.provisioning(Tier::Enterprise).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Request);
    world.billing.settle(&held, Some(Plan::Enterprise)).await.expect_err("no answer");
    let early = world.billing.settle(&held, None).await.expect_err("it may still come");
    assert_eq!((early.kind, early.cause.code.as_str()), (FailureKind::Busy, "subscription_not_visible"));
    let sql = "UPDATE control.resources SET sent_at = sent_at - interval '3 minutes'";
    world.database.client.batch_execute(sql).await.expect("answers");
    let settled = world.billing.settle(&held, None).await.expect("it never arrived");
    assert_eq!((settled.subscription_id, settled.change), (None, Change::Nothing));
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_key_whose_answer_is_an_old_error_is_replaced() {
    let world = World::start().await;
    let held = world.provisioning(Tier::Enterprise).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Answer);
    world.billing.settle(&held, Some(Plan::Enterprise)).await.expect_err("no answer");
    world.wire.fault("POST /v1/subscriptions ", Fault::Replay);
    let adopted = world.billing.settle(&held, Some(Plan::Enterprise)).await.expect("found in the list");
    assert_eq!(adopted.change, Change::Nothing);
    let other = world.provisioning(Tier::Enterprise).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Replay);
    let made = world.billing.settle(&other, Some(Plan::Enterprise)).await.expect("asked for under a new key");
    assert_eq!(made.change, Change::Created);
    for held in [held, other] {
        assert_eq!(world.subscriptions(held.tenant()).await.len(), 1);
    }
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn several_items_and_a_foreign_price_are_left_alone() {
    let world = World::start().await;
    let tenant = world.active(Tier::EnterprisePlus).await;
    let held = world.hold(&tenant).await;
    let prices = Prices { enterprise: "ivory_enterprise".into(), enterprise_plus: "another".into() };
    let foreign = world.billing_with(prices).settle(&held, Some(Plan::Enterprise)).await.expect_err("not ours");
    assert_eq!((foreign.kind, foreign.cause.code.as_str()), (FailureKind::Rejected, "subscription_price_foreign"));

    let live = world.live(&tenant).await.expect("subscribed");
    let price = world.stripe.price_by_lookup_key("ivory_enterprise").await.expect("answers").expect("seeded");
    let path = format!("/v1/subscriptions/{}", live.id);
    let second = PreparedPost { path, body: format!("items%5B0%5D%5Bprice%5D={}", price.id) };
    let _: Subscription = world.stripe.post(&second, &Uuid::now_v7().to_string()).await.expect("a second item");
    world.wire.seen();
    let several = world.billing.settle(&held, Some(Plan::Enterprise)).await.expect_err("two items");
    assert_eq!((several.kind, several.cause.code.as_str()), (FailureKind::Rejected, "subscription_items_several"));
    assert!(world.wire.seen().iter().all(|line| line.starts_with("GET")));
    let cancelled = world.billing.settle(&held, None).await.expect("whatever its items");
    assert_eq!(cancelled.change, Change::Cancelled);
    drop(held);
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_missing_price_is_named_and_one_that_has_it_does_not_need_it() {
    let world = World::start().await;
    let prices = Prices { enterprise: "ivory_enterprise".into(), enterprise_plus: "archived".into() };
    let billing = world.billing_with(prices);
    let tenant = world.active(Tier::Enterprise).await;
    let held = world.hold(&tenant).await;
    let failure = billing.settle(&held, Some(Plan::EnterprisePlus)).await.expect_err("no such price");
    assert_eq!((failure.kind, failure.cause.code.as_str()), (FailureKind::Rejected, "billing_price_missing"));
    world.wire.seen();
    billing.settle(&held, Some(Plan::Enterprise)).await.expect("it has its price");
    assert!(!world.wire.seen().iter().any(|line| line.contains("/v1/prices")));
    drop(held);
    world.database.drop().await;
}
