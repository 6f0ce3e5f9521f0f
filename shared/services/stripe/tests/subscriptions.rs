//! The client against Stripe's stand-in: requests that change a subscription.

#![allow(clippy::disallowed_methods, reason = "a test takes its server from the environment")]

use std::time::Duration;

use secrecy::SecretString;
use stripe::{
    ChosenPrice, Customer, PreparedPost, Stripe, Subscription, SubscriptionChange, create_customer,
    create_subscription, update_subscription,
};
use uuid::Uuid;

const ENTERPRISE: &str = "ivory_enterprise";
const PLUS: &str = "ivory_enterprise_plus";
const CALL: Duration = Duration::from_secs(5);

fn stripe() -> Stripe {
    let [url, key] = ["STRIPE_API_URL", "STRIPE_SECRET_KEY"].map(|name| std::env::var(name).expect(name));
    Stripe::new(&url, SecretString::from(key), CALL)
}

fn key() -> String {
    Uuid::now_v7().to_string()
}

async fn price(stripe: &Stripe, lookup_key: &str) -> String {
    let price = stripe.price_by_lookup_key(lookup_key).await.expect("answers").expect("a seeded price");
    assert_eq!(price.lookup_key.as_deref(), Some(lookup_key));
    price.id
}

/// A new customer's subscription to the smaller price.
async fn subscribed(stripe: &Stripe) -> Subscription {
    let tenant_id = Uuid::now_v7().to_string();
    let customer = create_customer(&format!("{tenant_id}@acme.com"), "Acme", &tenant_id, "acme");
    let customer: Customer = stripe.post(&customer, &key()).await.expect("a customer");
    let price = price(stripe, ENTERPRISE).await;
    let chosen = ChosenPrice { id: &price, lookup_key: ENTERPRISE };
    let request = create_subscription(&customer.id, chosen, &tenant_id, 30);
    let made: Subscription = stripe.post(&request, &key()).await.expect("a subscription");
    assert!(made.is_tenants(&tenant_id) && made.is_live() && !made.cancel_at_period_end);
    made
}

async fn change(stripe: &Stripe, id: &str, change: SubscriptionChange<'_>) -> Subscription {
    let _: Subscription = stripe.post(&update_subscription(id, change), &key()).await.expect("changed");
    stripe.subscription(id).await.expect("answers").expect("there")
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL and STRIPE_SECRET_KEY"]
async fn a_change_of_price_keeps_the_only_item() {
    let stripe = stripe();
    let made = subscribed(&stripe).await;
    let item = made.only_item().expect("one item");
    assert_eq!(item.price.lookup_key.as_deref(), Some(ENTERPRISE));
    assert_eq!(made.chosen_lookup_key(), Some(ENTERPRISE));
    let plus = price(&stripe, PLUS).await;
    let chosen = ChosenPrice { id: &plus, lookup_key: PLUS };
    let reprice = SubscriptionChange { price: Some((&item.id, chosen)), ..SubscriptionChange::default() };
    for _ in 0..2 {
        let changed = change(&stripe, &made.id, reprice).await;
        let only = changed.only_item().expect("still one item");
        assert_eq!((&only.id, &only.price.id), (&item.id, &plus));
        assert_eq!(changed.chosen_lookup_key(), Some(PLUS));
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL and STRIPE_SECRET_KEY"]
async fn without_the_items_id_there_would_be_a_second_item() {
    let stripe = stripe();
    let made = subscribed(&stripe).await;
    let plus = price(&stripe, PLUS).await;
    let careless = PreparedPost {
        path: format!("/v1/subscriptions/{}", made.id),
        body: format!("items%5B0%5D%5Bprice%5D={plus}"),
    };
    let doubled: Subscription = stripe.post(&careless, &key()).await.expect("Stripe allows it");
    assert!(doubled.only_item().is_none());
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL and STRIPE_SECRET_KEY"]
async fn a_cancellation_at_the_periods_end_can_be_reverted() {
    let stripe = stripe();
    let made = subscribed(&stripe).await;
    let cancel = |cancel| SubscriptionChange { price: None, cancel_at_period_end: Some(cancel) };
    let ending = change(&stripe, &made.id, cancel(true)).await;
    assert!(ending.cancel_at_period_end && ending.is_live());
    let back = change(&stripe, &made.id, cancel(false)).await;
    assert!(!back.cancel_at_period_end && back.is_live());
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL and STRIPE_SECRET_KEY"]
async fn an_unknown_subscription_is_a_refusal() {
    let stripe = stripe();
    let request = update_subscription(
        "sub_none",
        SubscriptionChange { cancel_at_period_end: Some(true), ..SubscriptionChange::default() },
    );
    let error = stripe.post::<Subscription>(&request, &key()).await.expect_err("there is none");
    assert!(error.is_refusal() && error.is_definite(), "{error}");
    assert!(stripe.subscription("sub_none").await.expect("answers").is_none());
    assert!(stripe.subscriptions_of("cus_none").await.expect("answers").is_empty());
    assert!(stripe.customer("cus_none").await.expect("answers").is_none());
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL and STRIPE_SECRET_KEY"]
async fn what_is_ended_twice_is_ended_once() {
    let stripe = stripe();
    let tenant_id = Uuid::now_v7().to_string();
    let request = create_customer(&format!("{tenant_id}@acme.com"), "Acme", &tenant_id, "acme");
    let customer: Customer = stripe.post(&request, &key()).await.expect("a customer");
    let price = price(&stripe, ENTERPRISE).await;
    let request = create_subscription(&customer.id, ChosenPrice { id: &price, lookup_key: ENTERPRISE }, &tenant_id, 30);
    let made: Subscription = stripe.post(&request, &key()).await.expect("a subscription");
    assert_eq!(stripe.unpaid_invoices_of(&customer.id).await.map(|unpaid| unpaid.len()), Ok(1));
    assert_eq!(stripe.unpaid_invoices_of("cus_nobody").await, Ok(Vec::new()));
    for id in [&made.id, &made.id, "sub_nobody"] {
        assert_eq!(stripe.end_subscription(id).await, Ok(()), "{id}");
    }
    assert!(!stripe.subscription(&made.id).await.expect("answers").expect("there").is_live());
    for id in [&customer.id, &customer.id, "cus_nobody"] {
        assert_eq!(stripe.delete_customer(id).await, Ok(()), "{id}");
        assert!(stripe.customer(id).await.expect("answers").is_none(), "{id}");
    }
}
