//! Step 9: one customer with one live subscription. A pilot has neither.

use anyhow::{Result, bail};
use e2e::Cloud;
use serde_json::{Value, json};

use crate::Live;

pub async fn check(cloud: &Cloud, live: &Live) -> Result<()> {
    let customers = cloud.customers(live.tenant_id).await?;
    let subscriptions = cloud.subscriptions(live.tenant_id).await?;
    let lookup_key = match live.tier {
        "enterprise" => "ivory_enterprise",
        "enterprise_plus" => "ivory_enterprise_plus",
        _ => {
            assert_eq!((customers.len(), subscriptions.len()), (0, 0));
            assert_eq!(live.record["stripe_customer_id"], Value::Null);
            return Ok(());
        }
    };
    let ([customer], [subscription]) = (customers.as_slice(), subscriptions.as_slice()) else {
        bail!("not one customer with one subscription: {customers:?} {subscriptions:?}")
    };
    assert_eq!(customer["id"], live.record["stripe_customer_id"]);
    assert_eq!(customer["email"], live.email());
    assert_eq!(customer["name"], live.record["display_name"]);
    assert_eq!(customer["metadata"], json!({ "tenant_id": live.tenant_id, "slug": live.slug }));
    assert_eq!(subscription["customer"], customer["id"]);
    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["collection_method"], "send_invoice");
    assert_eq!(subscription["days_until_due"], 30);
    assert_eq!(subscription["metadata"], json!({ "tenant_id": live.tenant_id, "lookup_key": lookup_key }));
    let items = &subscription["items"]["data"];
    assert_eq!(items.as_array().map(Vec::len), Some(1));
    assert_eq!(items[0]["price"]["lookup_key"], lookup_key);
    Ok(())
}
