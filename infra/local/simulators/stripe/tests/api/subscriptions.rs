use serde_json::Value;

use crate::stand::{Stand, error, ids, json};

const BY_INVOICE: &str = "collection_method=send_invoice&days_until_due=30";

fn of(customer: &str) -> String {
    format!("customer={customer}&items[0][price]=price_ivory_enterprise&{BY_INVOICE}&metadata[tenant_id]=t1")
}

fn path(subscription: &Value) -> String {
    format!("/v1/subscriptions/{}", subscription["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_subscription_by_invoice_is_active_at_once() {
    let stand = Stand::start().await;
    let customer = stand.customer().await;
    let made = json(&stand.post("/v1/subscriptions", &of(&customer)).await, 200);
    assert_eq!(made["status"], "active");
    assert_eq!(made["days_until_due"], 30);
    assert_eq!(made["metadata"]["tenant_id"], "t1");
    let item = &made["items"]["data"][0];
    assert_eq!(item["price"]["id"], "price_ivory_enterprise");
    assert!(item["current_period_end"].as_i64() > item["current_period_start"].as_i64());
    assert_eq!(made.get("current_period_end"), None);
    assert_eq!(json(&stand.get(&path(&made)).await, 200), made);
}

#[tokio::test]
async fn subscriptions_that_cannot_be_billed_are_refused() {
    let stand = Stand::start().await;
    let customer = stand.customer().await;
    let silent = crate::stand::id(&stand.post("/v1/customers", "name=Silent").await);
    let item = "items[0][price]=price_ivory_enterprise";
    for (form, code, param) in [
        (format!("customer={customer}&{item}"), "resource_missing", ""),
        (format!("customer={customer}&{item}&collection_method=send_invoice"), "", "days_until_due"),
        (format!("customer={customer}&{item}&days_until_due=30"), "", "days_until_due"),
        (of(&silent), "", "customer"),
        (of("cus_nobody"), "resource_missing", "customer"),
        (format!("customer={customer}&{BY_INVOICE}"), "parameter_missing", "items"),
        (format!("{item}&{BY_INVOICE}"), "parameter_missing", "customer"),
        (format!("customer={customer}&items[0][price]=price_x&{BY_INVOICE}"), "resource_missing", "items[0][price]"),
        (format!("{}&items[0][foo]=1", of(&customer)), "parameter_unknown", "items[0][foo]"),
        (format!("{}&proration_behavior=maybe", of(&customer)), "", "proration_behavior"),
    ] {
        let (got_code, got_param, _) = error(&stand.post("/v1/subscriptions", &form).await, 400);
        assert_eq!((got_code.as_str(), got_param.as_str()), (code, param), "{form}");
    }
    assert!(ids(&json(&stand.get("/v1/subscriptions?status=all").await, 200)).is_empty());
}

#[tokio::test]
async fn an_item_with_an_id_changes_its_price_and_one_without_is_added() {
    let stand = Stand::start().await;
    let made = json(&stand.post("/v1/subscriptions", &of(&stand.customer().await)).await, 200);
    let item = made["items"]["data"][0]["id"].as_str().expect("an item");
    let change = format!("items[0][id]={item}&items[0][price]=price_ivory_enterprise_plus");
    let changed = json(&stand.post(&path(&made), &change).await, 200);
    assert_eq!(changed["items"]["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(changed["items"]["data"][0]["price"]["lookup_key"], "ivory_enterprise_plus");

    let added = json(&stand.post(&path(&made), "items[0][price]=price_ivory_enterprise").await, 200);
    assert_eq!(added["items"]["data"].as_array().map(Vec::len), Some(2));
    error(&stand.post(&path(&made), "items[0][price]=price_ivory_enterprise").await, 400);
    let stranger = error(&stand.post(&path(&made), "items[0][id]=si_x&items[0][quantity]=2").await, 400);
    assert_eq!(stranger.1, "items[0][id]");
}

#[tokio::test]
async fn a_refused_change_has_no_effect() {
    let stand = Stand::start().await;
    let made = json(&stand.post("/v1/subscriptions", &of(&stand.customer().await)).await, 200);
    let change = "metadata[x]=1&items[0][price]=price_ivory_enterprise_plus&items[1][price]=price_x";
    error(&stand.post(&path(&made), change).await, 400);
    assert_eq!(json(&stand.get(&path(&made)).await, 200), made);
}

#[tokio::test]
async fn cancellation_at_the_end_of_the_period_is_reversible_and_at_once_is_not() {
    let stand = Stand::start().await;
    let customer = stand.customer().await;
    let made = json(&stand.post("/v1/subscriptions", &of(&customer)).await, 200);
    let ending = json(&stand.post(&path(&made), "cancel_at_period_end=true").await, 200);
    assert_eq!((&ending["status"], &ending["cancel_at_period_end"]), (&"active".into(), &true.into()));
    assert_eq!(ending["cancel_at"], made["items"]["data"][0]["current_period_end"]);
    assert_eq!(json(&stand.post(&path(&made), "cancel_at_period_end=false").await, 200), made);

    assert_eq!(json(&stand.delete(&path(&made)).await, 200)["status"], "canceled");
    assert_eq!(error(&stand.delete(&path(&made)).await, 404).0, "resource_missing");
    error(&stand.post(&path(&made), "cancel_at_period_end=true").await, 400);
    json(&stand.post(&path(&made), "metadata[closed]=yes").await, 200);
    for (status, count) in [("", 0), ("&status=all", 1), ("&status=canceled", 1), ("&status=active", 0)] {
        let list = format!("/v1/subscriptions?customer={customer}{status}");
        assert_eq!(ids(&json(&stand.get(&list).await, 200)).len(), count, "{list}");
    }
}

#[tokio::test]
async fn deleting_a_customer_ends_its_subscriptions() {
    let stand = Stand::start().await;
    let customer = stand.customer().await;
    let made = json(&stand.post("/v1/subscriptions", &of(&customer)).await, 200);
    stand.delete(&format!("/v1/customers/{customer}")).await;
    assert_eq!(json(&stand.get(&path(&made)).await, 200)["status"], "canceled");
    let refused = error(&stand.post("/v1/subscriptions", &of(&customer)).await, 400);
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("resource_missing", "customer"));
    let listed = json(&stand.get(&format!("/v1/subscriptions?customer={customer}&status=all")).await, 200);
    assert_eq!(ids(&listed).len(), 1, "its history is still there");
    assert_eq!(error(&stand.get("/v1/subscriptions?customer=cus_nobody").await, 400).1, "customer");
}

#[tokio::test]
async fn a_price_rise_takes_the_lookup_key_from_the_price_of_earlier_subscriptions() {
    let stand = Stand::start().await;
    let made = json(&stand.post("/v1/subscriptions", &of(&stand.customer().await)).await, 200);
    let form = "currency=usd&product=prod_x&unit_amount=200&recurring[interval]=month&lookup_key=ivory_enterprise";
    let (_, param, message) = error(&stand.post("/v1/prices", form).await, 400);
    assert_eq!(param, "lookup_key");
    assert_eq!(message, "A price (`price_ivory_enterprise`) already uses that lookup key.");
    let risen = json(&stand.post("/v1/prices", &format!("{form}&transfer_lookup_key=true")).await, 200);
    let found = json(&stand.get("/v1/prices?lookup_keys[]=ivory_enterprise").await, 200);
    assert_eq!(ids(&found), [risen["id"].as_str().expect("an id")]);
    let price = json(&stand.get(&path(&made)).await, 200)["items"]["data"][0]["price"].clone();
    assert_eq!((&price["id"], &price["lookup_key"]), (&"price_ivory_enterprise".into(), &Value::Null));
}

#[tokio::test]
async fn a_subscription_bills_an_invoice_that_outlives_it() {
    let stand = Stand::start().await;
    let customer = stand.customer().await;
    let form = format!(
        "customer={customer}&items[0][price]=price_ivory_enterprise&collection_method=send_invoice&days_until_due=30"
    );
    let subscription = json(&stand.post("/v1/subscriptions", &form).await, 200);
    let invoice = subscription["latest_invoice"].as_str().expect("an id");
    let open = format!("/v1/invoices?customer={customer}&status=open");
    json(&stand.delete(&format!("/v1/subscriptions/{}", subscription["id"].as_str().expect("an id"))).await, 200);
    assert_eq!(ids(&json(&stand.get(&open).await, 200)), [invoice]);
    assert!(ids(&json(&stand.get(&format!("/v1/invoices?customer={customer}&status=draft")).await, 200)).is_empty());
    error(&stand.get("/v1/invoices?customer=cus_nobody").await, 400);

    let pay = format!("/v1/invoices/{invoice}/pay");
    assert_eq!(error(&stand.post(&pay, "").await, 400).0, "resource_missing");
    let paid = json(&stand.post(&pay, "paid_out_of_band=true").await, 200);
    assert_eq!((&paid["status"], &paid["amount_remaining"]), (&"paid".into(), &0.into()));
    assert_eq!(error(&stand.post(&pay, "paid_out_of_band=true").await, 400).0, "invoice_already_paid");
    error(&stand.post(&format!("/v1/invoices/{invoice}/void"), "").await, 400);
    assert!(ids(&json(&stand.get(&open).await, 200)).is_empty());
}
