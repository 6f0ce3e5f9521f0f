//! Objects that are gone at Stripe: deleted or ended by a person, or made under a key of another mode. They are made anew,
//! and nothing is made twice.

use billing::{Change, Changed, Plan};
use domain::{CauseCode, Tier};
use store::Tenant;
use stripe::Subscription;

use crate::crashes::{Dies, POINTS, die};
use crate::wire::Fault;
use crate::world::World;

const TEST: &str = "STRIPE_SECRET_KEY";
const LIVE: &str = "STRIPE_LIVE_SECRET_KEY";

/// The tenant's only live subscription under the present key, which is not this one.
async fn another(world: &World, tenant: &Tenant, gone: &Subscription) -> Subscription {
    world.check(tenant).await;
    let live = world.live(tenant).await.expect("subscribed");
    assert_ne!(live.id, gone.id);
    live
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deleted_customer_is_made_anew_by_the_next_tier_change() {
    let world = World::start().await;
    let before = world.active(Tier::Enterprise).await;
    let gone = world.live(&before).await.expect("subscribed");
    world.delete_customer(&before).await;
    let after = world.changed(&before, Tier::EnterprisePlus).await;
    assert!(after.stripe_customer_id.is_some() && after.stripe_customer_id != before.stripe_customer_id);
    another(&world, &after, &gone).await;
    let given_up = world.given_up(&after).await;
    assert_eq!(given_up, [gone.id.as_str(), before.stripe_customer_id.as_deref().expect("a customer")]);
    assert_eq!(world.open_intents().await, 0);
    // From then on nothing is made.
    let lease = world.hold(&after).await;
    let again = world.biller().settle(&lease, Some(Plan::EnterprisePlus)).await.expect("settled");
    assert_eq!(again.change, Change::Nothing);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_customer_that_was_deleted_without_a_subscription_is_made_anew() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let gone = world.live(&tenant).await.expect("subscribed");
    let tenant = world.changed(&tenant, Tier::Pilot).await;
    world.delete_customer(&tenant).await;
    let tenant = world.changed(&tenant, Tier::Enterprise).await;
    another(&world, &tenant, &gone).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_goes_between_a_look_and_the_change_is_made_anew() {
    let world = World::start().await;
    for (meanwhile, request) in [
        ("customers", "POST /v1/subscriptions/"),
        ("subscriptions", "POST /v1/subscriptions/"),
        ("customers", "POST /v1/subscriptions "),
    ] {
        let mut tenant = world.active(Tier::Enterprise).await;
        let gone = world.live(&tenant).await.expect("subscribed");
        if request.ends_with(' ') {
            world.end(&gone).await;
        }
        let id =
            if meanwhile == "customers" { tenant.stripe_customer_id.clone().expect("one") } else { gone.id.clone() };
        world.wire.meanwhile(request, world.deletion(&format!("/v1/{meanwhile}/{id}")));
        tenant = world.changed(&tenant, Tier::EnterprisePlus).await;
        another(&world, &tenant, &gone).await;
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_replayed_answer_about_something_deleted_is_seen_through() {
    let world = World::start().await;
    for request in ["POST /v1/customers ", "POST /v1/subscriptions "] {
        let lease = world.provisioning(Tier::Enterprise).await;
        world.wire.fault(request, Fault::Answer);
        world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("no answer");
        // The key's answer is stored for a day: an object that is there.
        let made = world.stripe().customers_by_email(lease.tenant().admin_email.as_str()).await.expect("answers");
        world.delete(&format!("/v1/customers/{}", made[0].id)).await;
        let settled = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect("settled");
        assert_ne!(settled.customer_id.as_deref(), Some(made[0].id.as_str()));
        let live = world.live(lease.tenant()).await.expect("subscribed");
        assert_eq!(settled.subscription_id, Some(live.id));
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_reconciler_writes_the_new_customer_into_the_row() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let lease = world.hold(&tenant).await;
    die(&world, &lease, Tier::EnterprisePlus, Dies::BeforeStripe).await;
    drop(lease);
    world.delete_customer(&tenant).await;
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    let row = world.row(&tenant).await;
    world.check(&row).await;
    let customers = world.stripe().customers_by_email(tenant.admin_email.as_str()).await.expect("answers");
    assert_eq!(row.stripe_customer_id.as_deref(), Some(customers[0].id.as_str()));
    assert_ne!(row.stripe_customer_id, tenant.stripe_customer_id);
    assert_eq!((row.tier, row.version), (tenant.tier, tenant.version + 1), "a caller sees another customer");
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_change_that_finds_the_subscription_gone_and_is_refused_leaves_the_intent_open() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    world.end(&world.live(&tenant).await.expect("subscribed")).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Refusal);
    let changed = world.change(&tenant, Tier::EnterprisePlus).await;
    assert!(matches!(&changed, Changed::Failed(_)), "Stripe is not at the row's tier: {changed:?}");
    assert_eq!(world.open_intents().await, 1);
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    world.check(&tenant).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_crash_of_making_anew_is_settled() {
    let world = World::start().await;
    let mut died = 0;
    for dies in POINTS.iter().copied() {
        let tenant = world.active(Tier::Enterprise).await;
        let gone = world.live(&tenant).await.expect("subscribed");
        world.delete_customer(&tenant).await;
        let lease = world.hold(&tenant).await;
        if die(&world, &lease, Tier::EnterprisePlus, dies).await {
            died += 1;
        }
        drop(lease);
        world.time_passes().await;
        assert_eq!(world.reconcile().await.settled, 1, "{dies:?}");
        another(&world, &tenant, &gone).await;
        let after = world.changed(&tenant, Tier::EnterprisePlus).await;
        assert_eq!(world.subscriptions(&after).await.len(), 1, "{dies:?}: one, and never two");
        assert_eq!(world.open_intents().await, 0);
    }
    // Not at the two points of a change of a subscription that is there.
    assert_eq!(died, POINTS.len() - 2);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_is_settled_if_customer_or_subscription_are_gone() {
    let world = World::start().await;
    for customer in [true, false] {
        let tenant = world.active(Tier::Enterprise).await;
        if customer {
            world.delete_customer(&tenant).await;
        } else {
            let live = world.live(&tenant).await.expect("subscribed");
            let path = format!("POST /v1/subscriptions/{}", live.id);
            world.wire.meanwhile(&path, world.deletion(&format!("/v1/subscriptions/{}", live.id)));
        }
        world.deactivate(&tenant).await.expect("active");
        assert_eq!(world.reconcile().await.settled, 1);
        assert_eq!((world.open_intents().await, world.stuck().await), (0, 0));
        world.check(&tenant).await;
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, STRIPE_LIVE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_a_test_key_made_is_made_anew_under_a_live_key() {
    let world = World::start().await;
    let before = world.active(Tier::Enterprise).await;
    let gone = world.live(&before).await.expect("subscribed");
    world.use_key(LIVE);
    let after = world.changed(&before, Tier::EnterprisePlus).await;
    another(&world, &after, &gone).await;
    assert_ne!(after.stripe_customer_id, before.stripe_customer_id);
    assert_eq!(world.given_up(&after).await.len(), 2);
    world.deactivate(&after).await.expect("active");
    assert_eq!(world.reconcile().await.settled, 1);
    world.check(&after).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, STRIPE_LIVE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_that_was_billed_under_a_test_key_can_be_deactivated_under_a_live_key() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    world.use_key(LIVE);
    world.deactivate(&tenant).await.expect("active");
    assert_eq!(world.reconcile().await.settled, 1);
    assert_eq!((world.open_intents().await, world.stuck().await), (0, 0));
    assert!(world.stripe().customers_by_email(tenant.admin_email.as_str()).await.expect("answers").is_empty());
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, STRIPE_LIVE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_switch_to_a_live_key_finds_every_open_request() {
    let world = World::start().await;
    for dies in POINTS.iter().copied() {
        for a_day_later in [false, true] {
            world.use_key(TEST);
            let tenant = world.active(Tier::Pilot).await;
            let lease = world.hold(&tenant).await;
            die(&world, &lease, Tier::Enterprise, dies).await;
            drop(lease);
            world.use_key(LIVE);
            world.time_passes().await;
            if a_day_later {
                let sql = "UPDATE control.resources SET sent_at = sent_at - interval '24 hours'";
                world.database.client.batch_execute(sql).await.expect("answers");
            }
            let tenant = world.changed(&tenant, Tier::EnterprisePlus).await;
            assert_eq!(world.subscriptions(&tenant).await.len(), 1, "{dies:?}");
            world.time_passes().await;
            assert_eq!(world.reconcile().await.settled, 1, "{dies:?}: the first change's intent");
            assert_eq!((world.subscriptions(&tenant).await.len(), world.open_intents().await), (1, 0), "{dies:?}");
            world.check(&tenant).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, STRIPE_LIVE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_test_key_changes_nothing_about_what_is_billed_live() {
    let world = World::start().await;
    world.use_key(LIVE);
    let tenant = world.active(Tier::Enterprise).await;
    let live = world.live(&tenant).await.expect("subscribed");
    world.use_key(TEST);
    for tier in [Tier::EnterprisePlus, Tier::Pilot] {
        let Changed::Refused(failure) = world.change(&tenant, tier).await else { panic!("refused") };
        assert_eq!(failure.code(), CauseCode::StripeKeyOfTestMode);
    }
    assert_eq!((world.wire.seen(), world.open_intents().await), (Vec::new(), 0));
    world.deactivate(&tenant).await.expect("active");
    assert_eq!(world.reconcile().await.failed, 1);
    assert_eq!(world.open_intents().await, 1, "its subscription goes on");
    world.use_key(LIVE);
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    assert!(world.stripe().subscription(&live.id).await.expect("answers").expect("there").cancel_at_period_end);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_was_given_up_under_another_accounts_key_is_found_again() {
    let world = World::start().await;
    for unanswered in [false, true] {
        let tenant = world.active(Tier::Enterprise).await;
        let first = world.live(&tenant).await.expect("subscribed");
        // The key of another account was used for a while: nothing of this one was there.
        let forgotten = "UPDATE control.resources SET dead_at = clock_timestamp() WHERE dead_at IS NULL";
        world.database.client.batch_execute(forgotten).await.expect("answers");
        if unanswered {
            // An intent of another generation is there, too, and was never sent.
            world.wire.fault("GET /v1/customers", Fault::Request);
            world.wire.fault("GET /v1/customers", Fault::Request);
            let lease = world.hold(&tenant).await;
            world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("no answer");
            lease.release().await.expect("answers");
        }
        let after = world.changed(&tenant, Tier::EnterprisePlus).await;
        assert_eq!(world.live(&after).await.expect("subscribed").id, first.id);
        assert_eq!(after.stripe_customer_id, tenant.stripe_customer_id);
    }
}
