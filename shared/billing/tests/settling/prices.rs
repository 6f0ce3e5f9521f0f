//! Prices that move on: a price rise gives a tier's lookup key to a new price, and earlier subscriptions keep the old one.

use billing::{Change, Plan};
use domain::{CauseCode, Tier};
use store::Tenant;
use uuid::Uuid;

use crate::world::{CALL, World};

/// Two prices of this test's own.
struct Prices([String; 2]);

impl Prices {
    async fn make(world: &World) -> Self {
        let keys = ["enterprise", "plus"].map(|name| format!("{name}_{}", Uuid::now_v7().simple()));
        for key in &keys {
            price(world, key, 100).await;
        }
        Self(keys)
    }

    fn keys(&self) -> [&str; 2] {
        [&self.0[0], &self.0[1]]
    }
}

/// Makes a price and gives it the key, which an earlier price may have.
async fn price(world: &World, lookup_key: &str, amount: u32) {
    let form = format!(
        "currency=usd&product=prod_ivory&recurring[interval]=month&unit_amount={amount}&lookup_key={lookup_key}\
         &transfer_lookup_key=true"
    );
    world.edit("/v1/prices", &form).await;
}

/// The lookup key of the subscription's only item, and its price.
async fn billed(world: &World, tenant: &Tenant) -> (Option<String>, String) {
    let live = world.live(tenant).await.expect("subscribed");
    let price = live.only_item().expect("one item").price.clone();
    (price.lookup_key, price.id)
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_price_rise_leaves_an_earlier_subscription_alone_until_its_tier_changes() {
    let world = World::start().await;
    let prices = Prices::make(&world).await;
    let billing = world.billing_with(prices.keys());
    let tenant = world.active(Tier::Pilot).await;
    let lease = world.hold(&tenant).await;
    let biller = billing.within(CALL);
    biller.settle(&lease, Some(Plan::Enterprise)).await.expect("subscribed");
    let (_, first) = billed(&world, &tenant).await;

    for key in prices.keys() {
        price(&world, key, 200).await;
    }
    assert_eq!(billed(&world, &tenant).await, (None, first.clone()), "its price has no key any more");
    let same = biller.settle(&lease, Some(Plan::Enterprise)).await.expect("settled");
    assert_eq!((same.change, billed(&world, &tenant).await.1), (Change::Nothing, first), "nobody asked for a change");

    for (plan, key) in [(Plan::EnterprisePlus, prices.keys()[1]), (Plan::Enterprise, prices.keys()[0])] {
        let settled = biller.settle(&lease, Some(plan)).await.expect("settled");
        assert_eq!((settled.change, billed(&world, &tenant).await.0.as_deref()), (Change::Updated, Some(key)));
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_only_item_of_a_subscription_of_the_tenant_is_ours_whatever_its_price() {
    let world = World::start().await;
    let prices = Prices::make(&world).await;
    let billing = world.billing_with(prices.keys());
    let tenant = world.active(Tier::Enterprise).await;
    let live = world.live(&tenant).await.expect("subscribed");
    let lease = world.hold(&tenant).await;
    let path = format!("/v1/subscriptions/{}", live.id);
    // As one that was made before subscriptions named their key.
    world.edit(&path, "metadata[lookup_key]=").await;
    let settled = billing.within(CALL).settle(&lease, Some(Plan::EnterprisePlus)).await.expect("ours");
    assert_eq!((settled.change, billed(&world, &tenant).await.0.as_deref()), (Change::Updated, Some(prices.keys()[1])));

    let others = Prices::make(&world).await;
    world.edit(&path, "metadata[tenant_id]=").await;
    let foreign = world.billing_with(others.keys()).within(CALL).settle(&lease, Some(Plan::Enterprise)).await;
    assert_eq!(foreign.expect_err("nothing says that it is ours").code(), CauseCode::SubscriptionPriceForeign);
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_price_that_is_paid_once_is_refused_before_a_subscription_is_asked_for() {
    let world = World::start().await;
    let keys = ["once", "plus"].map(|name| format!("{name}_{}", Uuid::now_v7().simple()));
    world.edit("/v1/prices", &format!("currency=usd&product=prod_ivory&unit_amount=1&lookup_key={}", keys[0])).await;
    let billing = world.billing_with([&keys[0], &keys[1]]);
    let tenant = world.active(Tier::Pilot).await;
    let lease = world.hold(&tenant).await;
    let refused = billing.within(CALL).settle(&lease, Some(Plan::Enterprise)).await.expect_err("paid once");
    assert_eq!(refused.code(), CauseCode::BillingPriceOnce);
    assert_eq!(billing.within(CALL).check(Plan::Enterprise).await, Err(refused));
}
