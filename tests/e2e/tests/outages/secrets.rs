//! Secrets Manager is down.

use anyhow::Result;
use e2e::with_faults;
use fault_proxy::client::Match;
use futures_util::future::try_join_all;
use reqwest::Method;

use crate::world::{ROUTES, Route, WAYS, World, in_time, take_down, unavailable};

/// Whoever calls is not known without it.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn callers_who_cannot_be_looked_up_are_told_to_come_again() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for way in WAYS {
            let down = take_down(faults, "secretsmanager", None, way).await?;
            cloud.aws.restart("authorize-caller").await?;
            // The gateway need not ask about a key it knows; a token is looked at every time.
            let works_or_says_so = async |(route, status): Route| {
                let answer = world.call(route).await?;
                if answer.status == status { Ok(()) } else { unavailable(&answer) }
            };
            try_join_all(ROUTES.map(works_or_says_so)).await?;
            unavailable(&world.call("get-catalog").await?)?;
            let health = in_time(cloud, cloud.request(Method::GET, "/v1/admin/lakehouse/health")).await?;
            assert!(matches!(health.status, 200 | 503), "{health:?}");
            faults.mend(down).await?;
            world.all_work().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn processes_that_start_without_their_database_secret_say_so_in_time() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for way in WAYS {
            let down = take_down(faults, "secretsmanager", Some("control/database"), way).await?;
            world.restart().await?;
            world.are_unavailable(&ROUTES).await?;
            faults.mend(down).await?;
            world.all_work().await?;
        }
        Ok(())
    })
    .await
}

/// Connections that are open need no secret.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_process_that_is_connected_does_not_notice() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        faults.forget().await?;
        let down = faults
            .answer(
                "aws",
                Match {
                    body_regex: Some("control/database".to_owned()),
                    ..Match::aws("secretsmanager.GetSecretValue")
                },
                500,
                "{}",
            )
            .await?;
        world.all_work().await?;
        faults.mend(down).await
    })
    .await
}
