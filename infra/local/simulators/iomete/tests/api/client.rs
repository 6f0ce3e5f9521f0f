//! The product's client against the stand-in.

use std::time::Duration;

use iomete::{Iomete, ProbeError};

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

#[tokio::test]
async fn a_namespace_is_there_or_not() {
    let stand = Stand::start().await;
    let iomete = Iomete::new(&stand.url, TOKEN.into(), Duration::from_secs(2));
    let catalog = iomete.catalog().await.expect("a catalog");
    assert_eq!(catalog.has_namespace("ivory_tenant_acme").await, Ok(false));
    stand.create(&["ivory_tenant_acme"]).await;
    stand.create(&["ivory_tenant_acme", "raw"]).await;
    for (namespace, is_there) in [
        ("ivory_tenant_acme", true),
        ("ivory_tenant_acme.raw", true),
        ("ivory_tenant_acme.fine", false),
        ("raw", false),
    ] {
        assert_eq!(catalog.has_namespace(namespace).await, Ok(is_there), "{namespace}");
    }
}
