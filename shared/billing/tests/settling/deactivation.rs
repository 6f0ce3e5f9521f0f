//! A deactivation while somebody is at work, and what becomes of the subscription.

use billing::{Plan, begin_change, finish_change};
use domain::{ProvisioningState, Tier};
use serde_json::json;
use store::{Activation, NotLeased};
use uuid::Uuid;

use crate::wire::Fault;
use crate::world::{CALL, World, to, update};

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn it_fences_a_tier_change_and_waits_for_its_lease() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let held = world.hold(&tenant).await;
    let (change, payload) = (to(Tier::EnterprisePlus), json!({}));
    let update = update(&change, None, &payload);
    let intent = begin_change(&held, &update, CALL).await.expect("begun");
    let settled = world.billing.settle(&held, Some(Plan::EnterprisePlus)).await.expect("settled");

    let deactivated = world.deactivate(&tenant).await.expect("it was active");
    assert_eq!((deactivated.before, deactivated.tenant.attempt), (ProvisioningState::Active, tenant.attempt));
    assert!(finish_change(&held, intent, &settled, &update).await.expect("answers").is_none());
    assert_eq!(held.fence(CALL).await.expect_err("fenced").cause.code, "lease_too_short");
    world.wire.seen();
    world.billing.settle(&held, None).await.expect_err("it may not call");
    assert!(world.wire.seen().iter().all(|line| line.starts_with("GET")));
    world.database.store.release_lease(held.lease()).await.expect("answers");
    assert!(matches!(world.lease(&tenant, "another").await, Err(NotLeased::State(_))));

    assert_eq!(world.reconcile().await, billing::Report::default(), "not before the lease's end");
    let sql = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE delivered_at IS NULL";
    world.database.client.batch_execute(sql).await.expect("answers");
    assert_eq!(world.reconcile().await.busy, 2, "nobody gets the lease either");
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 2);
    let live = world.live(&tenant).await.expect("until the period's end");
    assert!(live.cancel_at_period_end);
    assert!(world.deactivate(&tenant).await.is_none(), "once");
    drop(held);
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn it_finds_the_subscription_that_step_9_never_heard_of() {
    let world = World::start().await;
    for request in ["POST /v1/customers ", "POST /v1/subscriptions "] {
        for fault in [Fault::Request, Fault::Answer] {
            let held = world.provisioning(Tier::Enterprise).await;
            world.wire.fault(request, fault);
            world.billing.settle(&held, Some(Plan::Enterprise)).await.expect_err("no answer");
            let deactivated = world.deactivate(held.tenant()).await.expect("it was provisioning");
            assert_eq!((deactivated.before, deactivated.tenant.attempt), (ProvisioningState::Provisioning, 2));
            let failure = world.billing.settle(&held, Some(Plan::Enterprise)).await.expect_err("fenced");
            assert_eq!(failure.cause.code, "lease_too_short");
            world.time_passes().await;
            assert_eq!(world.reconcile().await.settled, 1);
            let live = world.live(held.tenant()).await;
            let made = (request, fault) == ("POST /v1/subscriptions ", Fault::Answer);
            assert_eq!(live.map(|live| live.cancel_at_period_end), made.then_some(true), "{request} {fault:?}");
        }
    }
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_fenced_step_cannot_activate() {
    let world = World::start().await;
    let held = world.provisioning(Tier::Enterprise).await;
    let settled = world.billing.settle(&held, Some(Plan::Enterprise)).await.expect("billed");
    world.deactivate(held.tenant()).await.expect("it was provisioning");
    let payload = json!({});
    let activation = Activation {
        stripe_customer_id: settled.customer_id.as_deref(),
        tier: Tier::Enterprise,
        invalidation: (Uuid::now_v7(), &payload),
        event: (Uuid::now_v7(), &payload),
    };
    assert!(!world.database.store.activate(held.lease(), activation).await.expect("answers"));
    assert_eq!(world.row(held.tenant()).await.state, ProvisioningState::Deprovisioned);
    world.time_passes().await;
    world.reconcile().await;
    world.check(held.tenant()).await;
    drop(held);
    world.database.drop().await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn without_a_lease_it_is_due_at_once_and_without_billing_stripe_hears_nothing() {
    let world = World::start().await;
    let paid = world.active(Tier::Enterprise).await;
    world.deactivate(&paid).await.expect("active");
    assert_eq!(world.reconcile().await.settled, 1);
    world.check(&paid).await;

    let pilot = world.active(Tier::Pilot).await;
    let read = world.secrets_read();
    world.deactivate(&pilot).await.expect("active");
    assert_eq!(world.open_intents().await, 0);
    world.reconcile().await;
    assert_eq!((world.wire.seen().len(), world.secrets_read()), (0, read));
    world.database.drop().await;
}
