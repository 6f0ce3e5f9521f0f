//! More requests at once than the gateway takes.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::Cloud;
use futures_util::future::try_join_all;
use reqwest::Method;
use tokio::time::sleep;

/// More than `HealthAtOnce` and what `HealthPerSecond` gives in the time that they take.
const FLOOD: usize = 200;

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_route_without_credential_takes_so_many_requests_and_no_more() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let ask = || cloud.send(cloud.request(Method::GET, "/v1/admin/lakehouse/health"));
    let (mut taken, mut refused) = (0, 0);
    for answer in try_join_all((0..FLOOD).map(|_| ask())).await? {
        if answer.status == 429 {
            answer.problem(429, "too_many_requests")?;
            ensure!(answer.header("retry-after").is_some(), "{answer:?}");
            refused += 1;
        } else {
            ensure!(matches!(answer.status, 200 | 503), "{answer:?}");
            taken += 1;
        }
    }
    ensure!(taken >= 10 && refused >= 10, "{taken} taken, {refused} refused");
    // Other routes have limits of their own, and this one takes requests again.
    cloud.get("/v1/admin/tenants?limit=1").await?.expect(200)?;
    sleep(Duration::from_secs(3)).await;
    ensure!(ask().await?.status != 429, "it stays closed");
    Ok(())
}
