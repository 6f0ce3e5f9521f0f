//! Secrets Manager is down.

use anyhow::Result;
use e2e::with_faults;
use fault_proxy::client::Match;
use futures_util::future::try_join_all;
use reqwest::Method;

use crate::world::{ROUTES, Route, WAYS, World, in_time, take_down, unavailable};

/// Callers cannot be looked up without Secrets Manager.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn callers_who_cannot_be_looked_up_get_503() -> Result<()> {
    with_faults(async |cloud, faults| {
        let world = World::new(cloud).await?;
        for way in WAYS {
            let down = take_down(faults, "secretsmanager", None, way).await?;
            cloud.aws.restart("authorize-caller").await?;
            // The gateway has cached the policy of a key, but it checks a token at every request.
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
async fn processes_that_start_without_their_database_secret_answer_503_in_time() -> Result<()> {
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

/// Open connections need no secret.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_process_that_is_connected_still_works() -> Result<()> {
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
