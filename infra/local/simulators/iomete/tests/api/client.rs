//! The product's client against the stand-in.

use std::time::Duration;

use iomete::{Catalog, Error, Iomete, ProbeError, TABLE_CALL};
use serde_json::json;

use crate::stand::{Stand, TOKEN};

async fn probe(url: &str, token: &str) -> Result<(), ProbeError> {
    Iomete::new(url, token.into(), Duration::from_secs(2)).probe().await
}

#[tokio::test]
async fn the_probe_is_answered_as_by_a_catalog() {
    let stand = Stand::start().await;
    assert_eq!(probe(&stand.url, TOKEN).await, Ok(()));
    assert_eq!(probe(&stand.url, "wrong").await, Err(ProbeError::Status(401)));
    assert_eq!(probe(&stand.url, "").await, Err(ProbeError::Status(401)));
    assert_eq!(probe(&format!("{}-2", stand.url), TOKEN).await, Err(ProbeError::Status(404)));
}

fn levels(levels: &[&str]) -> Vec<String> {
    levels.iter().map(|level| (*level).to_owned()).collect()
}

#[tokio::test]
async fn a_namespace_ends_once_it_is_empty() {
    let stand = Stand::start().await;
    let catalog = Catalog::open(&stand.url, TOKEN.into(), TABLE_CALL).await.expect("a catalog");
    let (own, below) = (levels(&["ivory_tenant_a"]), levels(&["ivory_tenant_a", "b c/d"]));
    assert_eq!(catalog.properties(&own).await, Ok(None));
    let creation = json!({ "namespace": own, "properties": { "tenant_id": "t" } });
    stand.post("", &creation).await;
    stand.create(&["ivory_tenant_a", "b c/d"]).await;
    stand.create(&["ivory_tenant_b"]).await;
    let table = json!({ "name": "t/1", "schema": { "type": "struct", "fields": [] } });
    stand.post("/ivory_tenant_a%1Fb%20c%2Fd/tables", &table).await;

    let properties = catalog.properties(&own).await.expect("an answer").expect("there");
    assert_eq!(properties.get("tenant_id").map(String::as_str), Some("t"));
    assert_eq!(catalog.children(&own).await, Ok(vec![below.clone()]));
    assert_eq!((catalog.tables(&own).await, catalog.views(&below).await), (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!(catalog.tables(&below).await, Ok(vec!["t/1".to_owned()]));
    for namespace in [&own, &below] {
        assert_eq!(catalog.drop_namespace(namespace).await, Err(Error::NotEmpty));
    }
    // Twice, because a step may be repeated.
    for _ in 0..2 {
        assert_eq!(catalog.drop_table(&below, "t/1").await, Ok(()));
        assert_eq!(catalog.drop_namespace(&below).await, Ok(()));
        assert_eq!(catalog.drop_namespace(&own).await, Ok(()));
        assert_eq!(catalog.properties(&own).await, Ok(None));
    }
    assert!(catalog.properties(&levels(&["ivory_tenant_b"])).await.expect("an answer").is_some());
    let stranger = Catalog::open(&stand.url, "wrong".into(), TABLE_CALL).await.map(drop);
    assert_eq!(stranger, Err(Error::Unauthorized));
    assert_eq!(Catalog::open("no address", TOKEN.into(), TABLE_CALL).await.map(drop), Err(Error::BadAddress));
}
