//! Connections to the control database and to the tenants' databases, over TLS.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use crate::Cloud;
use crate::variables::variable;

impl Cloud {
    /// Connects to the control database as its owner.
    pub async fn control(&self) -> Result<Client> {
        connect(variable("CONTROL_DATABASE_URL")?.parse().context("CONTROL_DATABASE_URL")?).await
    }

    /// Connects to a tenant's database as the cluster's superuser.
    pub async fn tenant_database(&self, project_ref: &str) -> Result<Client> {
        let mut config: Config = variable("POSTGRES_SUPERUSER_URL")?.parse().context("POSTGRES_SUPERUSER_URL")?;
        config.dbname(format!("project_{project_ref}"));
        connect(config).await
    }

    /// Connects to a tenant's database with the tenant's secret, through the pooler.
    pub async fn tenant_database_by_secret(&self, secret: &serde_json::Value) -> Result<Client> {
        let pooler = &secret["pooler"];
        let text = |value: &serde_json::Value| value.as_str().context("not in the secret").map(str::to_owned);
        let mut config = Config::new();
        config.host(text(&pooler["host"])?).user(text(&pooler["user"])?).dbname(text(&pooler["dbname"])?);
        config.port(pooler["port"].as_u64().and_then(|port| port.try_into().ok()).context("no port")?);
        config.password(text(&secret["db_pass"])?);
        connect(config).await
    }
}

/// The migrations that every release had, in their order.
const FIRST_SIX: [&str; 6] = [
    include_str!("../../../shared/tenant-database/migrations/tenant/V1__iam.sql"),
    include_str!("../../../shared/tenant-database/migrations/tenant/V2__sod_rules.sql"),
    include_str!("../../../shared/tenant-database/migrations/tenant/V3__workflow_templates.sql"),
    include_str!("../../../shared/tenant-database/migrations/tenant/V4__workflow_instances.sql"),
    include_str!("../../../shared/tenant-database/migrations/tenant/V5__seed.sql"),
    include_str!("../../../shared/tenant-database/migrations/tenant/V6__access.sql"),
];
const GRANT_ADMIN: &str = include_str!("../../../shared/tenant-database/sql/tenant_admin_grant.sql");

impl Cloud {
    /// Makes a tenant's database what an older release left there: its schema ends with version 6, and the tenant's row says
    /// so. The admin keeps the role.
    pub async fn age_schema(&self, tenant_id: Uuid, project_ref: &str) -> Result<()> {
        let database = self.tenant_database(project_ref).await?;
        let owner = format!("SET ROLE \"postgres.{project_ref}\"");
        let [first, second, third, fourth, fifth, sixth] = FIRST_SIX;
        for sql in
            [&owner, "DROP SCHEMA iam, workflow CASCADE", first, second, third, fourth, fifth, sixth, "RESET ROLE"]
        {
            database.batch_execute(sql).await?;
        }
        database.execute("DELETE FROM public.refinery_schema_history WHERE version > 6", &[]).await?;
        let admin =
            database.query_one("SELECT id, email::text FROM auth.users WHERE invited_at IS NOT NULL", &[]).await?;
        let (id, email): (Uuid, String) = (admin.get(0), admin.get(1));
        database.query(GRANT_ADMIN, &[&id, &email]).await?;
        let row = "UPDATE control.tenants SET schema_version = 6 WHERE tenant_id = $1";
        self.control().await?.execute(row, &[&tenant_id]).await?;
        Ok(())
    }

    /// Ends the connection that has a catalog's row locked, as a failover would.
    pub async fn cut_off_who_locks(&self, tenant_id: Uuid, catalog_name: &str) -> Result<()> {
        let waiting = self.control_as_superuser().await?;
        let pid: i32 = waiting.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        let lock = "SELECT FROM lakehouse.tenant_catalogs WHERE tenant_id = $1 AND catalog_name = $2 FOR UPDATE";
        let end = "SELECT pg_terminate_backend(blocking) FROM unnest(pg_blocking_pids($1)) AS blocking";
        let cut_off = async {
            let control = self.control_as_superuser().await?;
            for _ in 0..100 {
                if !control.query(end, &[&pid]).await?.is_empty() {
                    return Ok(());
                }
                sleep(Duration::from_millis(20)).await;
            }
            bail!("no connection has locked the row of {catalog_name}")
        };
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&tenant_id, &catalog_name];
        let (locked, cut_off) = tokio::join!(waiting.query(lock, &parameters), cut_off);
        locked?;
        cut_off
    }

    /// Connects to the control database as the cluster's superuser.
    pub async fn control_as_superuser(&self) -> Result<Client> {
        let mut config: Config = variable("POSTGRES_SUPERUSER_URL")?.parse().context("POSTGRES_SUPERUSER_URL")?;
        config.dbname("control");
        connect(config).await
    }
}

async fn connect(mut config: Config) -> Result<Client> {
    let authority = variable("POSTGRES_CA_FILE")?;
    let authority = std::fs::read_to_string(&authority).with_context(|| authority)?;
    let tls = MakeRustlsConnect::new(tls::client_config(tls::Authorities::PUBLIC.and(Some(&authority)))?);
    config.application_name("e2e").ssl_mode(tokio_postgres::config::SslMode::Require);
    let (client, connection) = config.connect(tls).await?;
    // Ends with the client. If the connection breaks, the client's next statement fails.
    tokio::spawn(connection);
    Ok(client)
}
