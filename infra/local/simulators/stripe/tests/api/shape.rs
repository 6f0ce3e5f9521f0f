//! Compares the attributes of objects with Stripe's own samples.

use serde_json::Value;

use crate::stand::{Stand, json};

fn sample(name: &str) -> Value {
    let samples: Value = serde_json::from_str(include_str!("../recorded/fixtures3.json")).expect("JSON");
    samples[name].clone()
}

#[track_caller]
fn assert_same_attributes(ours: &Value, sample: &Value) {
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(ours), keys(sample));
    for (key, value) in sample.as_object().expect("an object") {
        // An attribute of a new object is null or has the type that the sample shows.
        let ours = &ours[key];
        let same_type = std::mem::discriminant(ours) == std::mem::discriminant(value);
        assert!(ours.is_null() || value.is_null() || same_type, "{key}: {ours} is not like {value}");
    }
}

#[tokio::test]
async fn objects_have_the_attributes_of_the_samples() {
    let stand = Stand::start().await;
    let id = stand.customer().await;
    let customer = json(&stand.get(&format!("/v1/customers/{id}")).await, 200);
    assert_same_attributes(&customer, &sample("customer"));

    let price = json(&stand.get("/v1/prices/price_ivory_enterprise").await, 200);
    assert_same_attributes(&price, &sample("price"));
    assert_same_attributes(&price["recurring"], &sample("price")["recurring"]);

    let form =
        format!("customer={id}&items[0][price]=price_ivory_enterprise&collection_method=send_invoice&days_until_due=1");
    let subscription = json(&stand.post("/v1/subscriptions", &form).await, 200);
    assert_same_attributes(&subscription, &sample("subscription"));
    let (items, sample_items) = (&subscription["items"], &sample("subscription")["items"]);
    assert_same_attributes(items, sample_items);
    let (item, sample_item) = (&items["data"][0], &sample_items["data"][0]);
    assert_same_attributes(item, sample_item);
    assert_same_attributes(&item["plan"], &sample_item["plan"]);
    assert_same_attributes(&item["price"], &sample_item["price"]);

    let path = format!("/v1/invoices/{}", subscription["latest_invoice"].as_str().expect("an id"));
    let invoice = json(&stand.get(&path).await, 200);
    assert_same_attributes(&invoice, &sample("invoice"));
    for part in ["automatic_tax", "lines", "parent", "payment_settings", "status_transitions"] {
        assert_same_attributes(&invoice[part], &sample("invoice")[part]);
    }

    let deleted = json(&stand.delete(&format!("/v1/customers/{id}")).await, 200);
    assert_same_attributes(&deleted, &sample("deleted_customer"));
}
