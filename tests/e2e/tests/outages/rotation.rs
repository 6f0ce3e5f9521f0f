//! The control database's password is rotated while everything runs.

use std::panic::{AssertUnwindSafe, resume_unwind};

use anyhow::{Context as _, Result};
use e2e::{Cloud, State, unique, with_faults};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::world::{ROUTES, World};

/// The roles of the functions, one that writes and one that only reads, and their secrets.
struct Role<'a> {
    cloud: &'a Cloud,
    /// Each secret's name and value.
    known: Vec<(String, Value)>,
}

impl<'a> Role<'a> {
    async fn of(cloud: &'a Cloud) -> Result<Self> {
        let mut known = Vec::new();
        for name in ["database", "database-read"] {
            let secret = format!("{}/control/{name}", cloud.secret_prefix()?);
            let value = cloud.aws.secret(&secret).await?;
            known.push((secret, value));
        }
        Ok(Self { cloud, known })
    }

    async fn set_password(&self, password: &str) -> Result<()> {
        for (_, value) in &self.known {
            self.set_password_of(value, password).await?;
        }
        Ok(())
    }

    async fn set_password_of(&self, known: &Value, password: &str) -> Result<()> {
        let name = known["username"].as_str().context("no username")?;
        let sql = "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)";
        let database = self.cloud.control_as_superuser().await?;
        let statement: String = database.query_one(sql, &[&name, &password]).await?.get(0);
        Ok(database.batch_execute(&statement).await?)
    }

    async fn put(&self, password: &str) -> Result<()> {
        for (secret, known) in &self.known {
            let mut value = known.clone();
            value["password"] = json!(password);
            self.cloud.aws.put_secret(secret, &value).await?;
        }
        Ok(())
    }

    /// Ends every connection of the roles, as a failover would.
    async fn disconnect(&self) -> Result<()> {
        let names: Vec<_> = self.known.iter().filter_map(|(_, value)| value["username"].as_str()).collect();
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY ($1::text[])";
        self.cloud.control_as_superuser().await?.execute(sql, &[&names]).await?;
        Ok(())
    }

    async fn restore(&self) -> Result<()> {
        for (secret, value) in &self.known {
            self.set_password_of(value, value["password"].as_str().context("no password")?).await?;
            self.cloud.aws.put_secret(secret, value).await?;
        }
        Ok(())
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
