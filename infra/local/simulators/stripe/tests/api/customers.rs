use std::time::Duration;

use crate::stand::{Stand, error, id, ids, json};

#[tokio::test]
async fn a_customer_is_created_changed_and_deleted() {
    let stand = Stand::start().await;
    let form = "email=ops%40acme.example&name=Acme+Bank&metadata%5Btenant_id%5D=t1&metadata[slug]=acme-bank";
    let customer = json(&stand.post("/v1/customers", form).await, 200);
    assert_eq!(customer["email"], "ops@acme.example");
    assert_eq!(customer["name"], "Acme Bank");
    assert_eq!(customer["metadata"], serde_json::json!({ "tenant_id": "t1", "slug": "acme-bank" }));

    let path = format!("/v1/customers/{}", customer["id"].as_str().expect("an id"));
    let changed = json(&stand.post(&path, "name=&metadata[slug]=&metadata[more]=1").await, 200);
    assert_eq!(changed["name"], serde_json::Value::Null);
    assert_eq!(changed["metadata"], serde_json::json!({ "tenant_id": "t1", "more": "1" }));
    assert_eq!(json(&stand.get(&path).await, 200), changed);

    assert_eq!(json(&stand.delete(&path).await, 200)["deleted"], true);
    assert_eq!(json(&stand.get(&path).await, 200)["deleted"], true);
    assert_eq!(error(&stand.post(&path, "name=x").await, 404).0, "resource_missing");
    assert_eq!(error(&stand.delete(&path).await, 404).0, "resource_missing");
    assert!(ids(&json(&stand.get("/v1/customers").await, 200)).is_empty());
}

#[tokio::test]
async fn values_are_checked() {
    let stand = Stand::start().await;
    let long = format!("metadata[k]={}", "x".repeat(501));
    for (form, code, param) in [
        ("email=nobody", "email_invalid", "email"),
        ("email[a]=1", "", "email"),
        ("metadata=x", "", "metadata"),
        (long.as_str(), "", "metadata[k]"),
    ] {
        let (got_code, got_param, _) = error(&stand.post("/v1/customers", form).await, 400);
        assert_eq!((got_code.as_str(), got_param.as_str()), (code, param), "{form}");
    }
}

#[tokio::test]
async fn lists_are_paged_and_the_address_is_compared_exactly() {
    let stand = Stand::start().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(stand.customer().await);
    }
    stand.post("/v1/customers", "email=OPS%40acme.example").await;
    made.reverse();

    let list = "/v1/customers?email=ops%40acme.example&limit=2";
    let first = json(&stand.get(list).await, 200);
    assert_eq!((ids(&first), &first["has_more"]), (vec![made[0].as_str(), &made[1]], &true.into()));
    let second = json(&stand.get(&format!("{list}&starting_after={}", made[1])).await, 200);
    assert_eq!((ids(&second), &second["has_more"]), (vec![made[2].as_str()], &false.into()));

    error(&stand.get("/v1/customers?limit=101").await, 400);
    error(&stand.get("/v1/customers?starting_after=cus_nobody").await, 400);
}

#[tokio::test]
async fn search_lags_behind() {
    let stand = Stand::with(|config| config.search_lag = Duration::from_millis(80)).await;
    let made = id(&stand.post("/v1/customers", "metadata[tenant_id]=t1").await);
    let query = "/v1/customers/search?query=metadata%5B%27tenant_id%27%5D%3A%27t1%27";
    assert!(ids(&json(&stand.get(query).await, 200)).is_empty());
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(ids(&json(&stand.get(query).await, 200)), [made]);
    error(&stand.get("/v1/customers/search").await, 400);
    error(&stand.get("/v1/customers/search?query=nonsense").await, 400);
}

#[tokio::test]
async fn prices_are_found_by_lookup_key() {
    let stand = Stand::start().await;
    let page = json(&stand.get("/v1/prices?lookup_keys[]=ivory_enterprise&active=true").await, 200);
    assert_eq!(ids(&page), ["price_ivory_enterprise"]);
    let none = json(&stand.get("/v1/prices?lookup_keys[]=nothing").await, 200);
    assert!(ids(&none).is_empty());
    let plus = json(&stand.get("/v1/prices/price_ivory_enterprise_plus").await, 200);
    assert_eq!(plus["lookup_key"], "ivory_enterprise_plus");
    error(&stand.get("/v1/prices?lookup_keys=ivory_enterprise").await, 400);
}
