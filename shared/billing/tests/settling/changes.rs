//! Tier changes that are not cut off.

use billing::Changed;
use domain::{Patch, ProvisioningState, TenantChange, Tier};
use serde_json::json;

use crate::wire::Fault;
use crate::world::{World, to, update};

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn changing_the_tier_there_and_back_keeps_the_subscription() {
    let world = World::start().await;
    let mut tenant = world.active(Tier::Pilot).await;
    let mut ids = Vec::new();
    for tier in [Tier::Enterprise, Tier::Pilot, Tier::EnterprisePlus, Tier::Enterprise] {
        let version = tenant.version;
        tenant = world.changed(&tenant, tier).await;
        assert_eq!(tenant.version, version + 1);
        assert!(tenant.stripe_customer_id.is_some());
        let live = world.live(&tenant).await.expect("live until the end of the period");
        ids.push((live.id.clone(), live.only_item().expect("one").id.clone()));
        world.lease(&tenant, "another").await.expect("given back");
        world.time_passes().await;
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one subscription, one item");
    let sql = "SELECT count(*) FROM control.audit_log WHERE action = 'tenant.update' AND before ->> 'tier' <> after ->> 'tier'";
    let audited: i64 = world.database.client.query_one(sql, &[]).await.expect("answers").get(0);
    let sql = "SELECT count(*) FROM control.outbox WHERE kind = 'invalidate_cache' AND delivered_at IS NULL";
    let promised: i64 = world.database.client.query_one(sql, &[]).await.expect("answers").get(0);
    assert_eq!((audited, promised, world.open_intents().await), (4, 5, 0));
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_refusal_changes_nothing() {
    let world = World::start().await;
    for (from, tier, request) in [
        (Tier::Enterprise, Tier::EnterprisePlus, "POST /v1/subscriptions/"),
        (Tier::Enterprise, Tier::Pilot, "POST /v1/subscriptions/"),
        (Tier::Pilot, Tier::Enterprise, "POST /v1/subscriptions "),
        (Tier::Pilot, Tier::Enterprise, "POST /v1/customers "),
    ] {
        let tenant = world.active(from).await;
        world.wire.fault(request, Fault::Refusal);
        let Changed::Refused(failure) = world.change(&tenant, tier).await else { panic!("refused") };
        assert_eq!(failure.provider_request_id(), Some("req_refused"));
        assert!(!failure.cause().retryable);
        let row = world.row(&tenant).await;
        assert_eq!((row.tier, row.version, row.updated_at), (from, tenant.version, tenant.updated_at));
        assert_eq!(world.open_intents().await, 0, "closed");
        world.check(&tenant).await;
        world.changed(&tenant, tier).await;
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_refusal_after_something_was_made_leaves_the_intent_open() {
    let world = World::start().await;
    let tenant = world.active(Tier::Pilot).await;
    world.wire.fault("POST /v1/subscriptions ", Fault::Request);
    assert!(matches!(world.change(&tenant, Tier::Enterprise).await, Changed::Failed(_)));
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1, "nothing was made");
    // The ledger's open request is sent again and makes a subscription; giving it the other price is refused.
    world.wire.fault("POST /v1/subscriptions/", Fault::Refusal);
    let changed = world.change(&tenant, Tier::EnterprisePlus).await;
    assert!(matches!(&changed, Changed::Failed(_)), "{changed:?}");
    assert_eq!(world.open_intents().await, 1);
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    world.check(&tenant).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_unknown_outcome_gives_the_lease_back_and_leaves_the_intent_open() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    world.wire.fault("POST /v1/subscriptions/", Fault::Answer);
    assert!(matches!(world.change(&tenant, Tier::EnterprisePlus).await, Changed::Failed(_)));
    assert_eq!((world.row(&tenant).await.tier, world.open_intents().await), (Tier::Enterprise, 1));
    world.lease(&tenant, "another").await.expect("given back");
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    world.check(&tenant).await;
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_change_that_cannot_be_finished_is_refused_before_stripe_is_called() {
    let world = World::start().await;
    let (tenant, other) = (world.active(Tier::Enterprise).await, world.active(Tier::Pilot).await);
    let (store, payload) = (&world.database.store, json!({}));
    let domain = Patch::Set("acme.com".parse().expect("a host name"));
    let domain = TenantChange { display_name: None, tier: None, custom_domain: domain };
    store.update_tenant(other.tenant_id, &update(&domain, None, &payload)).await.expect("free").expect("there");

    let change = to(Tier::EnterprisePlus);
    let outdated = update(&change, Some(tenant.version - 1), &payload);
    let lease = world.hold(&tenant).await;
    assert!(matches!(world.biller().change_tier(&lease, &outdated).await, Changed::VersionMismatch));
    let change = TenantChange { tier: Some(Tier::EnterprisePlus), ..domain };
    let taken = update(&change, Some(tenant.version), &payload);
    let lease = world.hold(&tenant).await;
    assert!(matches!(world.biller().change_tier(&lease, &taken).await, Changed::DomainTaken));
    assert_eq!((world.wire.seen(), world.open_intents().await), (Vec::new(), 0));
    world.lease(&tenant, "another").await.expect("given back");
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_concurrent_change_is_not_overwritten() {
    let world = World::start().await;
    let tenant = world.active(Tier::Enterprise).await;
    let (store, payload) = (&world.database.store, json!({}));
    let (change, version) = (to(Tier::EnterprisePlus), Some(tenant.version));
    let lease = world.hold(&tenant).await;
    let update_tier = update(&change, version, &payload);
    let intent = billing::begin_change(&lease, &update_tier, crate::world::CALL).await.expect("begun");
    let settled = world.biller().settle(&lease, Some(billing::Plan::EnterprisePlus)).await.expect("settled");
    let name =
        TenantChange { display_name: Some("Other".parse().expect("a name")), tier: None, custom_domain: Patch::Keep };
    store.update_tenant(tenant.tenant_id, &update(&name, None, &payload)).await.expect("answers").expect("there");
    let written = billing::finish_change(&lease, intent, &settled, &update_tier).await.expect("answers");
    assert!(written.is_none());
    drop(lease);
    world.time_passes().await;
    assert_eq!(world.reconcile().await.settled, 1);
    let row = world.row(&tenant).await;
    assert_eq!(
        (row.tier, row.display_name.as_str(), row.state),
        (Tier::Enterprise, "Other", ProvisioningState::Active)
    );
    world.check(&tenant).await;
}
