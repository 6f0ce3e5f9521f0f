//! Tier changes that are cut off at every point where the process can die. Afterwards the reconciler brings Stripe to
//! the row's tier, with one subscription of one item.

use billing::{Plan, begin_change};
use domain::Tier;
use serde_json::json;
use store::Lease;

use crate::wire::Fault;
use crate::world::{CALL, World, to, update};

/// Where the process dies.
#[derive(Clone, Copy, Debug)]
pub enum Dies {
    /// The intent is committed, Stripe was not called.
    BeforeStripe,
    /// At a request of this kind, before it arrives or after it took effect.
    At(&'static str, Fault),
    /// Stripe is at the new tier, the row is not.
    BeforeTheRow,
}

pub const POINTS: &[Dies] = &[
    Dies::BeforeStripe,
    Dies::At("POST /v1/customers ", Fault::Request),
    Dies::At("POST /v1/customers ", Fault::Answer),
    Dies::At("POST /v1/subscriptions ", Fault::Request),
    Dies::At("POST /v1/subscriptions ", Fault::Answer),
    Dies::At("POST /v1/subscriptions/", Fault::Request),
    Dies::At("POST /v1/subscriptions/", Fault::Answer),
    Dies::BeforeTheRow,
];

/// Begins a change and dies. Returns false if the change ended without the request at which it should die.
pub async fn die(world: &World, lease: &Lease<'_>, tier: Tier, dies: Dies) -> bool {
    let (change, payload) = (to(tier), json!({}));
    begin_change(lease, &update(&change, None, &payload), CALL).await.expect("begun");
    if let Dies::At(request, fault) = dies {
        world.wire.fault(request, fault);
    }
    if matches!(dies, Dies::BeforeStripe) {
        return true;
    }
    let settled = world.biller().settle(lease, Plan::of(tier)).await;
    world.wire.mend();
    assert!(settled.is_ok() || matches!(dies, Dies::At(..)), "{settled:?}");
    settled.is_err() || matches!(dies, Dies::BeforeTheRow)
}

/// `deaths` is how many of these points the changes reach, because not every change makes every request.
async fn every_point(from: Tier, deaths: usize) {
    let world = World::start().await;
    let mut died = 0;
    for tier in Tier::ALL.iter().copied().filter(|tier| *tier != from) {
        for dies in POINTS.iter().copied() {
            let tenant = world.active(from).await;
            let lease = world.hold(&tenant).await;
            if die(&world, &lease, tier, dies).await {
                died += 1;
            }
            drop(lease);
            assert_eq!(world.open_intents().await, 1, "{dies:?}");
            assert_eq!(world.reconcile().await, billing::Report::default(), "nothing is due while its lease lasts");
            world.time_passes().await;
            assert_eq!(world.reconcile().await.settled, 1, "{from} to {tier}, {dies:?}");
            assert_eq!(world.open_intents().await, 0);
            let row = world.row(&tenant).await;
            assert_eq!((row.tier, row.version), (from, tenant.version), "the row is unchanged");
            world.check(&tenant).await;
            // Nothing is left that blocks the next change.
            let changed = world.changed(&tenant, tier).await;
            assert!(changed.version > tenant.version);
            assert_eq!(world.open_intents().await, 0);
        }
    }
    assert_eq!(died, deaths);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_crash_of_a_change_from_pilot_is_settled() {
    Box::pin(every_point(Tier::Pilot, 2 * 6)).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_crash_of_a_change_from_enterprise_is_settled() {
    Box::pin(every_point(Tier::Enterprise, 2 * 4)).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_crash_of_a_change_from_enterprise_plus_is_settled() {
    Box::pin(every_point(Tier::EnterprisePlus, 2 * 4)).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_crash_of_the_reconciler_is_settled() {
    let world = World::start().await;
    for fault in [Fault::Request, Fault::Answer] {
        let tenant = world.active(Tier::Enterprise).await;
        let lease = world.hold(&tenant).await;
        die(&world, &lease, Tier::EnterprisePlus, Dies::BeforeTheRow).await;
        drop(lease);
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
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn after_a_crash_and_another_change_stripe_is_at_the_rows_tier() {
    let world = World::start().await;
    let tenant = world.active(Tier::Pilot).await;
    let lease = world.hold(&tenant).await;
    assert!(die(&world, &lease, Tier::Enterprise, Dies::At("POST /v1/subscriptions ", Fault::Answer)).await);
    lease.release().await.expect("answers");
    drop(lease);
    // The same key, whose subscription has the other price.
    let tenant = world.changed(&tenant, Tier::EnterprisePlus).await;
    assert_eq!(world.subscriptions(&tenant).await.len(), 1);
    assert_eq!(world.open_intents().await, 1, "the first intent is the reconciler's");
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    world.check(&tenant).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_whose_lease_is_held_is_settled_in_the_next_pass() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let lease = world.hold(&tenant).await;
    die(&world, &lease, Tier::EnterprisePlus, Dies::BeforeTheRow).await;
    let sql = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE delivered_at IS NULL";
    world.database.client.batch_execute(sql).await.expect("answers");
    assert_eq!(world.reconcile().await.busy, 1);
    assert_eq!(world.open_intents().await, 1);
    drop(lease);
}
