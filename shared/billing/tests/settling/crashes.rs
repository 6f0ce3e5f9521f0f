//! A tier change that is cut off at every point where its process can die: afterwards the reconciler brings Stripe to
//! the row's tier, with one subscription of one item.

use billing::{Plan, begin_change};
use domain::Tier;
use serde_json::json;

use crate::wire::Fault;
use crate::world::{CALL, World, to, update};

/// Where the process dies.
#[derive(Clone, Copy, Debug)]
enum Dies {
    /// The intent is committed, Stripe was not called.
    BeforeStripe,
    /// At a request of this kind, before it arrives or after it had its effect.
    At(&'static str, Fault),
    /// Stripe is at the new tier, the row is not.
    BeforeTheRow,
}

const POINTS: &[Dies] = &[
    Dies::BeforeStripe,
    Dies::At("POST /v1/customers ", Fault::Request),
    Dies::At("POST /v1/customers ", Fault::Answer),
    Dies::At("POST /v1/subscriptions ", Fault::Request),
    Dies::At("POST /v1/subscriptions ", Fault::Answer),
    Dies::At("POST /v1/subscriptions/", Fault::Request),
    Dies::At("POST /v1/subscriptions/", Fault::Answer),
    Dies::BeforeTheRow,
];

/// Begins a change and dies. False: the change came past that point without meeting it.
async fn die(world: &World, held: &tenant_lease::Held<'_>, tier: Tier, dies: Dies) -> bool {
    let (change, payload) = (to(tier), json!({}));
    begin_change(held, &update(&change, None, &payload), CALL).await.expect("begun");
    if let Dies::At(request, fault) = dies {
        world.wire.fault(request, fault);
    }
    if matches!(dies, Dies::BeforeStripe) {
        return true;
    }
    let settled = world.billing.settle(held, Plan::of(tier)).await;
    world.wire.mend();
    assert!(settled.is_ok() || matches!(dies, Dies::At(..)), "{settled:?}");
    settled.is_err() || matches!(dies, Dies::BeforeTheRow)
}

/// `deaths`: how many of the points its changes come to, since not every change makes every request.
async fn every_point(from: Tier, deaths: usize) {
    let world = World::start().await;
    let mut died = 0;
    for tier in Tier::ALL.iter().copied().filter(|tier| *tier != from) {
        for dies in POINTS.iter().copied() {
            let tenant = world.active(from).await;
            let held = world.hold(&tenant).await;
            if die(&world, &held, tier, dies).await {
                died += 1;
            }
            drop(held);
            assert_eq!(world.open_intents().await, 1, "{dies:?}");
            assert_eq!(world.reconcile().await, billing::Report::default(), "nothing is due while its lease lasts");
            world.time_passes().await;
            assert_eq!(world.reconcile().await.settled, 1, "{from} to {tier}, {dies:?}");
            assert_eq!(world.open_intents().await, 0);
            let row = world.row(&tenant).await;
            assert_eq!((row.tier, row.version), (from, tenant.version), "the row knows nothing of it");
            world.check(&tenant).await;
            // Nothing is left behind that stands in the way of the next change.
            let changed = world.changed(&tenant, tier).await;
            assert!(changed.version > tenant.version);
            assert_eq!(world.open_intents().await, 0);
        }
    }
    assert_eq!(died, deaths);
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn from_pilot() {
    every_point(Tier::Pilot, 2 * 6).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn from_enterprise() {
    every_point(Tier::Enterprise, 2 * 4).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn from_enterprise_plus() {
    every_point(Tier::EnterprisePlus, 2 * 4).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_reconciler_dies_too() {
    let world = World::start().await;
    for fault in [Fault::Request, Fault::Answer] {
        let tenant = world.active(Tier::Enterprise).await;
        let held = world.hold(&tenant).await;
        die(&world, &held, Tier::EnterprisePlus, Dies::BeforeTheRow).await;
        drop(held);
        world.time_passes().await;
        world.wire.fault("POST /v1/subscriptions/", fault);
        assert_eq!(world.reconcile().await.failed, 1);
        assert_eq!(world.open_intents().await, 1);
        assert_eq!(world.reconcile().await, billing::Report::default(), "postponed");
        world.lease(&tenant, "route").await.expect("its lease was given back");
        world.time_passes().await;
        assert_eq!(world.reconcile().await.settled, 1);
        world.check(&tenant).await;
    }
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_change_after_one_that_was_cut_off_is_settled_to_the_row() {
    let world = World::start().await;
    let tenant = world.active(Tier::Pilot).await;
    let held = world.hold(&tenant).await;
    assert!(die(&world, &held, Tier::Enterprise, Dies::At("POST /v1/subscriptions ", Fault::Answer)).await);
    world.database.store.release_lease(held.lease()).await.expect("answers");
    drop(held);
    // The same key, whose subscription has the other price.
    let tenant = world.changed(&tenant, Tier::EnterprisePlus).await;
    assert_eq!(world.subscriptions(&tenant).await.len(), 1);
    assert_eq!(world.open_intents().await, 1, "the first intent is the reconciler's");
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    world.check(&tenant).await;
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_at_work_is_left_for_the_next_run() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let held = world.hold(&tenant).await;
    die(&world, &held, Tier::EnterprisePlus, Dies::BeforeTheRow).await;
    let sql = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE delivered_at IS NULL";
    world.database.client.batch_execute(sql).await.expect("answers");
    assert_eq!(world.reconcile().await.busy, 1);
    assert_eq!(world.open_intents().await, 1);
    drop(held);
    world.database.drop().await;
}
