//! A deactivation while an invocation holds the lease, and its effect on the subscription.

use billing::{Plan, begin_change, finish_change};
use domain::{CauseCode, ProvisioningState, Tier};
use serde_json::json;
use store::{Activation, NotLeased};
use uuid::Uuid;

use crate::wire::Fault;
use crate::world::{CALL, World, to, update};

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_fences_a_tier_change_and_waits_for_its_lease() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let lease = world.hold(&tenant).await;
    let (change, payload) = (to(Tier::EnterprisePlus), json!({}));
    let update = update(&change, None, &payload);
    let intent = begin_change(&lease, &update, CALL).await.expect("begun");
    let settled = world.biller().settle(&lease, Some(Plan::EnterprisePlus)).await.expect("settled");

    let deactivated = world.deactivate(&tenant).await.expect("it was active");
    assert_eq!((deactivated.before, deactivated.tenant.attempt), (ProvisioningState::Active, tenant.attempt));
    assert!(finish_change(&lease, intent, &settled, &update).await.expect("answers").is_none());
    assert_eq!(lease.fence(CALL).await.expect_err("fenced").code(), CauseCode::LeaseTooShort);
    world.wire.seen();
    world.biller().settle(&lease, None).await.expect_err("it may not call");
    assert!(world.wire.seen().iter().all(|line| line.starts_with("GET")));
    lease.release().await.expect("answers");
    assert!(matches!(world.lease(&tenant, "another").await, Err(NotLeased::State(_))));

    assert_eq!(world.reconcile().await, billing::Report::default(), "not before the lease's end");
    let sql = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE delivered_at IS NULL";
    world.database.client.batch_execute(sql).await.expect("answers");
    assert_eq!(world.reconcile().await.busy, 2, "the lease cannot be taken");
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 2);
    let live = world.live(&tenant).await.expect("until the period's end");
    assert!(live.cancel_at_period_end);
    assert!(world.deactivate(&tenant).await.is_none(), "once");
    drop(lease);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_finds_a_subscription_whose_creation_was_not_answered() {
    let world = World::start().await;
    for request in ["POST /v1/customers ", "POST /v1/subscriptions "] {
        for fault in [Fault::Request, Fault::Answer] {
            let lease = world.provisioning(Tier::Enterprise).await;
            world.wire.fault(request, fault);
            world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("no answer");
            let deactivated = world.deactivate(lease.tenant()).await.expect("it was provisioning");
            assert_eq!((deactivated.before, deactivated.tenant.attempt), (ProvisioningState::Provisioning, 2));
            let failure = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("fenced");
            assert_eq!(failure.code(), CauseCode::LeaseTooShort);
            world.time_passes().await;
            assert_eq!(world.reconcile().await.settled, 1);
            let live = world.live(lease.tenant()).await;
            let made = (request, fault) == ("POST /v1/subscriptions ", Fault::Answer);
            assert_eq!(live.map(|live| live.cancel_at_period_end), made.then_some(true), "{request} {fault:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_fenced_step_cannot_activate() {
    let world = World::start().await;
    let lease = world.provisioning(Tier::Enterprise).await;
    let settled = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect("billed");
    world.deactivate(lease.tenant()).await.expect("it was provisioning");
    let payload = json!({});
    let activation = Activation {
        stripe_customer_id: settled.customer_id.as_deref(),
        tier: Tier::Enterprise,
        invalidation: (Uuid::now_v7(), &payload),
        event: (Uuid::now_v7(), &payload),
    };
    let refused = lease.activate(activation).await.expect_err("fenced");
    assert_eq!(refused.code(), CauseCode::ActivationOvertaken);
    assert_eq!(world.row(lease.tenant()).await.state, ProvisioningState::Deprovisioned);
    world.time_passes().await;
    world.reconcile().await;
    world.check(lease.tenant()).await;
    drop(lease);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn without_a_lease_the_intent_is_due_at_once_and_without_billing_stripe_is_not_called() {
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
}
