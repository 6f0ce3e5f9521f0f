//! The product's client against the stand-in, in every case that it distinguishes.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind};
use fault_proxy::client::{Action, Answer, Client as Proxy, Match, Rule, When};
use fault_proxy::{UpstreamConfig, UpstreamKind};
use secrecy::SecretString;
use serde_json::json;
use stripe::{ChosenPrice, Customer, Error, PreparedPost, Stripe, Subscription};

use crate::stand::{KEY, Stand};

const EMAIL: &str = "ops@acme.example";
const TENANT: &str = "0193c6a4-7d2b-7000-8000-000000000001";

/// The time of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

fn client(stand: &Stand) -> Stripe {
    Stripe::new(&stand.url, SecretString::from(KEY), CALL_TIMEOUT)
}

fn wanted() -> PreparedPost {
    stripe::create_customer(EMAIL, "Müller & Söhne", TENANT, "acme-bank")
}

/// A proxy in front of the stand-in and a client that uses it.
async fn through_proxy(stand: &Stand) -> (Proxy, Stripe) {
    let target = stand.url.trim_start_matches("http://").parse().expect("an address");
    let upstream = UpstreamConfig { name: "stripe".to_owned(), kind: UpstreamKind::Http, target };
    let config = fault_proxy::Config { upstreams: vec![upstream], ..fault_proxy::Config::default() };
    let running = fault_proxy::start(config).await.expect("a proxy");
    let proxy = Proxy::of(running.ready()).expect("a client");
    let url = format!("http://{}", running.ready().upstreams["stripe"]);
    tokio::spawn(running.serve());
    (proxy, Stripe::new(&url, SecretString::from(KEY), CALL_TIMEOUT))
}

/// An error of Stripe, before or after the request's effect, replayed or not.
fn trouble(status: u16, code: &str, when: When, replayed: bool) -> Action {
    let kind = if status == 500 { "api_error" } else { "invalid_request_error" };
    let body = json!({ "error": { "type": kind, "code": code, "message": "An error." } }).to_string();
    let mut headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    if replayed {
        headers.insert("idempotent-replayed".to_owned(), "true".to_owned());
    }
    Action::Respond(Answer::Http { status, headers, body, when })
}

async fn once(proxy: &Proxy, action: Action) {
    let creation = Match::request("POST", "^/v1/customers$").times(1);
    proxy.add(&Rule::new("stripe", action).matching(creation)).await.expect("a rule");
}

/// The error of creating a customer with this key.
async fn refused(stripe: &Stripe, key: &str) -> Error {
    stripe.post::<Customer>(&wanted(), key).await.expect_err("refused")
}

#[tokio::test]
async fn a_tenant_is_subscribed_and_found_again() {
    let stand = Stand::start().await;
    let stripe = client(&stand);
    let customer: Customer = stripe.post(&wanted(), "c").await.expect("a customer");
    assert!(customer.is_tenants(TENANT) && !customer.is_tenants("another"));
    let again: Customer = stripe.post(&wanted(), "c").await.expect("the same customer");
    assert_eq!(again.id, customer.id);

    let price = stripe.price_by_lookup_key("ivory_enterprise").await.expect("prices").expect("a price");
    assert!(stripe.price_by_lookup_key("nothing").await.expect("prices").is_none());
    let chosen = ChosenPrice { id: &price.id, lookup_key: "ivory_enterprise" };
    let request = stripe::create_subscription(&customer.id, chosen, TENANT, 30);
    let subscription: Subscription = stripe.post(&request, "s").await.expect("a subscription");
    assert!(subscription.is_tenants(TENANT) && subscription.is_live());

    let customers = stripe.customers_by_email(EMAIL).await.expect("customers");
    assert_eq!(customers.iter().map(|found| &found.id).collect::<Vec<_>>(), [&customer.id]);
    assert!(stripe.customers_by_email("OPS@acme.example").await.expect("customers").is_empty());
    stand.delete(&format!("/v1/subscriptions/{}", subscription.id)).await;
    let subscriptions = stripe.subscriptions_of(&customer.id).await.expect("subscriptions");
    assert_eq!(subscriptions.len(), 1, "ended ones are listed too");
    assert!(!subscriptions[0].is_live());
}

#[tokio::test]
async fn what_is_gone_is_none() {
    let stand = Stand::start().await;
    let stripe = client(&stand);
    let customer = stand.customer().await;
    assert!(stripe.customer(&customer).await.expect("answers").is_some());
    stand.delete(&format!("/v1/customers/{customer}")).await;
    assert!(stripe.customer(&customer).await.expect("200, and deleted").is_none());
    assert!(stripe.customer("cus_nobody").await.expect("404").is_none());
    assert!(stripe.subscription("sub_none").await.expect("404").is_none());
    assert!(stripe.subscriptions_of("cus_nobody").await.expect("400").is_empty());
    let elsewhere = Stripe::new(&format!("{}/nowhere", stand.url), SecretString::from(KEY), CALL_TIMEOUT);
    let wrong = elsewhere.customer(&customer).await.expect_err("the path is unknown, not the customer");
    assert!(matches!(wrong, Error::Rejected { status: 404, .. }), "{wrong:?}");
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let stand = Stand::start().await;
    for _ in 0..101 {
        stand.customer().await;
    }
    assert_eq!(client(&stand).customers_by_email(EMAIL).await.expect("customers").len(), 101);
}

#[tokio::test]
async fn a_replayed_error_is_recognized() {
    let stand = Stand::start().await;
    let (proxy, stripe) = through_proxy(&stand).await;
    once(&proxy, trouble(500, "api_error", When::After, false)).await;
    once(&proxy, trouble(500, "api_error", When::Before, true)).await;
    let first = refused(&stripe, "c").await;
    assert!(matches!(first, Error::Server { status: 500, replayed: false, .. }), "{first:?}");
    assert!(!first.is_definite() && !first.is_replayed());
    let again = refused(&stripe, "c").await;
    assert!(!again.is_definite() && again.is_replayed(), "{again:?}");
    assert_eq!(stripe.customers_by_email(EMAIL).await.expect("customers").len(), 1, "it had its effect");
}

#[tokio::test]
async fn a_request_in_progress_makes_the_key_busy() {
    let stand = Stand::with(|config| config.latency = Duration::from_millis(200)).await;
    let stripe = client(&stand);
    let request = wanted();
    let (first, second) = tokio::join!(stripe.post::<Customer>(&request, "c"), refused(&stripe, "c"));
    first.expect("a customer");
    assert!(matches!(second, Error::Busy { .. }), "{second:?}");
    assert!(!second.is_definite());
    assert_eq!(Failure::from(second).kind(), FailureKind::Busy);
}

#[tokio::test]
async fn refusals_are_distinguished() {
    let stand = Stand::start().await;
    let (proxy, stripe) = through_proxy(&stand).await;
    once(&proxy, trouble(429, "rate_limit", When::Before, false)).await;
    let limited = refused(&stripe, "c").await;
    assert!(matches!(limited, Error::RateLimited { .. }) && limited.is_definite(), "{limited:?}");
    once(&proxy, trouble(429, "lock_timeout", When::Before, false)).await;
    assert!(matches!(refused(&stripe, "c").await, Error::Busy { .. }));

    let stranger = Stripe::new(&stand.url, SecretString::from("sk_test_wrong"), CALL_TIMEOUT);
    let unauthorized = Failure::from(refused(&stranger, "c").await);
    assert_eq!(unauthorized.code(), CauseCode::StripeUnauthorized);
    assert!(unauthorized.provider_request_id().is_some_and(|id| id.starts_with("req_")));

    let _: Customer = stripe.post(&wanted(), "c").await.expect("a customer");
    let price = ChosenPrice { id: "price_ivory_enterprise", lookup_key: "ivory_enterprise" };
    let nobody = stripe::create_subscription("cus_nobody", price, TENANT, 30);
    for (key, missing, what) in [("c", false, "the key of another request"), ("s", true, "a customer who is none")] {
        let rejected = stripe.post::<Subscription>(&nobody, key).await.expect_err(what);
        assert!(rejected.is_refusal() && rejected.is_definite(), "{what}: {rejected:?}");
        assert_eq!(matches!(rejected, Error::Missing { status: 400, .. }), missing, "{what}: {rejected:?}");
        assert!(!Failure::from(rejected).to_string().contains("cus_nobody"), "answers are not quoted");
    }
}
