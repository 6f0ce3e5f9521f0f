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
