//! The Postgres cluster behind the projects: one database, one login role and one `auth` schema for each.

use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// Why an operation of the cluster failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is not valid, or names no TCP host. It is not shown, because it contains the password.
    #[error("the Postgres URL is not usable")]
    Url,
    /// The server refused or failed.
    #[error("Postgres: {}", message(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

/// `tokio_postgres::Error` itself says only "db error".
fn message(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |refused| format!("{refused}"))
}

/// The cluster, used as its superuser. Both ends are on the loopback, so there is no TLS.
pub(crate) struct Database {
    config: Config,
    pub host: String,
    pub port: u16,
}

impl Database {
    /// Checks that the cluster answers and that the API's roles exist.
    pub(crate) async fn connect(url: &SecretString) -> Result<Self, DatabaseError> {
        let mut config: Config = url.expose_secret().parse().map_err(|_| DatabaseError::Url)?;
        config.application_name("supabase-simulator");
        let Some(Host::Tcp(host)) = config.get_hosts().first() else { return Err(DatabaseError::Url) };
        let host = host.clone();
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let database = Self { config, host, port };
        database.session(None).await?.batch_execute(include_str!("../sql/roles.sql")).await?;
        Ok(database)
    }

    /// A session of the superuser in a project's database, or in the one that the URL names.
    pub(crate) async fn session(&self, reference: Option<&str>) -> Result<Client, DatabaseError> {
        let mut config = self.config.clone();
        if let Some(reference) = reference {
            config.dbname(database_name(reference));
        }
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a Postgres session broke");
            }
        });
        Ok(client)
    }

    /// Creates everything that a project needs, or nothing. Log-ins are refused until [`Database::open`].
    pub(crate) async fn create(&self, reference: &str, password: &SecretString) -> Result<(), DatabaseError> {
        let created = self.try_create(reference, password).await;
        if created.is_err()
            && let Err(error) = self.remove(reference).await
        {
            tracing::warn!(reference, %error, "cannot remove what a failed creation left behind");
        }
        created
    }

    async fn try_create(&self, reference: &str, password: &SecretString) -> Result<(), DatabaseError> {
        let (role, database) = (role_name(reference), database_name(reference));
        let cluster = self.session(None).await?;
        cluster
            .batch_execute(&format!(
                r#"CREATE ROLE "{role}" NOLOGIN BYPASSRLS IN ROLE anon, authenticated, service_role"#
            ))
            .await?;
        set_password(&cluster, reference, password).await?;
        // A session in the template would make this fail. template0 allows no sessions.
        cluster.batch_execute(&format!(r#"CREATE DATABASE "{database}" OWNER "{role}" TEMPLATE template0"#)).await?;
        cluster
            .batch_execute(&format!(
                r#"REVOKE ALL ON DATABASE "{database}" FROM PUBLIC;
                GRANT TEMPORARY ON DATABASE "{database}" TO anon, authenticated, service_role;
                ALTER DATABASE "{database}" SET search_path TO "$user", public, extensions"#
            ))
            .await?;
        let project = self.session(Some(reference)).await?;
        project.batch_execute(include_str!("../sql/project.sql")).await?;
        project
            .batch_execute(&format!(
                r#"GRANT USAGE ON SCHEMA auth TO "{role}";
                GRANT ALL ON SCHEMA extensions TO "{role}";
                ALTER DEFAULT PRIVILEGES FOR ROLE "{role}" IN SCHEMA public
                    GRANT ALL ON TABLES TO anon, authenticated, service_role;
                ALTER DEFAULT PRIVILEGES FOR ROLE "{role}" IN SCHEMA public
                    GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
                ALTER DEFAULT PRIVILEGES FOR ROLE "{role}" IN SCHEMA public
                    GRANT ALL ON ROUTINES TO anon, authenticated, service_role;
                GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA auth TO "{role}""#
            ))
            .await?;
        Ok(())
    }

    /// Lets the project's role log in.
    pub(crate) async fn open(&self, reference: &str) -> Result<(), DatabaseError> {
        let statement = format!(r#"ALTER ROLE "{}" LOGIN"#, role_name(reference));
        Ok(self.session(None).await?.batch_execute(&statement).await?)
    }

    /// Keeps the project's role from logging in and ends its sessions.
    pub(crate) async fn close(&self, reference: &str) -> Result<(), DatabaseError> {
        let cluster = self.session(None).await?;
        let role = role_name(reference);
        cluster.batch_execute(&format!(r#"ALTER ROLE "{role}" NOLOGIN"#)).await?;
        cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", &[&role]).await?;
        Ok(())
    }

    /// Gives the project's role another password.
    pub(crate) async fn set_password(&self, reference: &str, password: &SecretString) -> Result<(), DatabaseError> {
        set_password(&self.session(None).await?, reference, password).await
    }

    /// Drops database and role, even if there are sessions.
    pub(crate) async fn remove(&self, reference: &str) -> Result<(), DatabaseError> {
        let cluster = self.session(None).await?;
        let database = database_name(reference);
        cluster.batch_execute(&format!(r#"DROP DATABASE IF EXISTS "{database}" WITH (FORCE)"#)).await?;
        Ok(cluster.batch_execute(&format!(r#"DROP ROLE IF EXISTS "{}""#, role_name(reference))).await?)
    }
}

/// The user name as the shared pooler expects it. References are 20 lower-case letters, so quotes around it suffice.
pub(crate) fn role_name(reference: &str) -> String {
    format!("postgres.{reference}")
}

pub(crate) fn database_name(reference: &str) -> String {
    format!("project_{reference}")
}

async fn set_password(client: &Client, reference: &str, password: &SecretString) -> Result<(), DatabaseError> {
    // This statement cannot have parameters, so the server quotes the values.
    let quote = "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)";
    let row = client.query_one(quote, &[&role_name(reference), &password.expose_secret()]).await?;
    Ok(client.batch_execute(row.try_get(0)?).await?)
}
