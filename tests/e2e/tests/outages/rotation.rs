//! The control database's password is rotated while everything runs.

use std::panic::{AssertUnwindSafe, resume_unwind};

use anyhow::{Context as _, Result};
use e2e::{Cloud, State, unique, with_faults};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::world::{ROUTES, World};

/// The application's role and its secret.
struct Role<'a> {
    cloud: &'a Cloud,
    secret: String,
    known: Value,
    name: String,
}

impl<'a> Role<'a> {
    async fn of(cloud: &'a Cloud) -> Result<Self> {
        let secret = format!("{}/control/database", cloud.secret_prefix()?);
        let known = cloud.aws.secret(&secret).await?;
        let name = known["username"].as_str().context("no username")?.to_owned();
        Ok(Self { cloud, secret, known, name })
    }

    async fn set_password(&self, password: &str) -> Result<()> {
        let sql = "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)";
        let database = self.cloud.control_as_superuser().await?;
        let statement: String = database.query_one(sql, &[&self.name, &password]).await?.get(0);
        Ok(database.batch_execute(&statement).await?)
    }

    async fn put(&self, password: &str) -> Result<()> {
        let mut value = self.known.clone();
        value["password"] = json!(password);
        self.cloud.aws.put_secret(&self.secret, &value).await
    }

    /// Ends every connection of the role, as a failover would.
    async fn disconnect(&self) -> Result<()> {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
        self.cloud.control_as_superuser().await?.execute(sql, &[&self.name]).await?;
        Ok(())
    }

    async fn restore(&self) -> Result<()> {
        let password = self.known["password"].as_str().context("no password")?;
        self.set_password(password).await?;
        self.put(password).await
    }
}

async fn with_role(test: impl AsyncFnOnce(&World<'_>, &Role<'_>) -> Result<()>) -> Result<()> {
    with_faults(async |cloud, _| {
        let (world, role) = (World::new(cloud).await?, Role::of(cloud).await?);
        let outcome = AssertUnwindSafe(test(&world, &role)).catch_unwind().await;
        role.restore().await?;
        world.all_work().await?;
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn open_connections_keep_working_and_new_ones_use_the_new_password() -> Result<()> {
    with_role(async |world, role| {
        let password = unique("rotated-once");
        role.set_password(&password).await?;
        role.put(&password).await?;
        world.all_work().await?;
        role.disconnect().await?;
        world.all_work().await?;
        // The processes of the steps were connected as well.
        let slug = unique("rotated");
        world.cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        world.cloud.wait_until(&slug, State::Active, std::time::Duration::from_mins(2)).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn between_the_new_password_and_the_new_secret_routes_are_unavailable() -> Result<()> {
    with_role(async |world, role| {
        let password = unique("rotated-twice");
        role.set_password(&password).await?;
        role.disconnect().await?;
        world.are_unavailable(&ROUTES).await?;
        role.put(&password).await?;
        world.all_work().await
    })
    .await
}
