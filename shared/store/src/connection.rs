//! One connection, opened with credentials that are read anew each time it has to be opened.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::{Failure, FailureKind, Owner};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

/// Opening a connection, authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One statement of the control database: each is a handful of rows by key.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);
/// What a start may wait for the database: the first request is waiting behind it.
const WARM_UP: Duration = Duration::from_millis(1500);
/// A connection that was idle this long is replaced: between two invocations the environment is frozen, and what lies
/// between may have dropped the connection without a word.
const TRUSTED_IDLE: Duration = Duration::from_mins(1);

/// The secret `{prefix}/control/database`, and what a tenant's database is reached by.
#[derive(Clone, Debug, Deserialize)]
pub struct DatabaseConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub dbname: String,
    /// Role.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Authorities to trust besides the public ones, as PEM.
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// Opens a connection, always over TLS.
pub async fn connect(config: &DatabaseConfig, application: &str) -> Result<Client, StoreError> {
    let rustls =
        tls::client_config(config.ca_pem.as_deref()).map_err(|_| StoreError::Credentials(bad_authorities()))?;
    let mut pg = Config::new();
    pg.host(&config.host)
        .port(config.port)
        .dbname(&config.dbname)
        .user(&config.username)
        .password(config.password.expose_secret())
        .application_name(application)
        .ssl_mode(SslMode::Require)
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(Duration::from_secs(30));
    let connecting = pg.connect(MakeRustlsConnect::new(rustls));
    let (client, connection) =
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| StoreError::Unavailable)??;
    // Ends when the client is dropped; a connection that breaks shows as `client.is_closed()`.
    tokio::spawn(connection);
    Ok(client)
}

fn bad_authorities() -> Failure {
    Failure::new(
        FailureKind::Rejected,
        "database_ca_malformed",
        Owner::Platform,
        "The database's authority, ca_pem of the secret control/database or database_ca_pem of control/supabase, is no PEM certificate; put a valid one, or none.",
    )
}

/// Reads the credentials: called for every new connection, so that a rotated password needs no restart.
pub type ConfigSource =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<DatabaseConfig, Failure>> + Send>> + Send + Sync>;

/// The control database. One connection per process: a Lambda environment serves one request at a time.
pub struct Store {
    source: ConfigSource,
    client: Mutex<Option<Connection>>,
}

pub(crate) struct Connection {
    pub(crate) client: Client,
    /// By the wall clock: a monotonic one may stand still while the environment is frozen.
    pub(crate) last_used: SystemTime,
}

impl Connection {
    fn is_usable(&self) -> bool {
        !self.client.is_closed() && self.last_used.elapsed().is_ok_and(|idle| idle < TRUSTED_IDLE)
    }
}

impl Store {
    /// A store that connects when first used.
    #[must_use]
    pub fn new(source: ConfigSource) -> Self {
        Self { source, client: Mutex::new(None) }
    }

    /// Connects now, so that the first request does not wait for it. Failing is not an error yet: the first statement
    /// tries again and reports.
    pub async fn warm_up(&self) {
        if !matches!(tokio::time::timeout(WARM_UP, self.client()).await, Ok(Ok(_))) {
            tracing::warn!("the control database could not be reached during start-up");
        }
    }

    /// The connection, opened anew if need be; nobody else has it until the guard is dropped.
    pub(crate) async fn client(&self) -> Result<MutexGuard<'_, Option<Connection>>, StoreError> {
        let mut guard = self.client.lock().await;
        if !guard.as_ref().is_some_and(Connection::is_usable) {
            let config = (self.source)().await.map_err(StoreError::Credentials)?;
            let client = connect(&config, "ivory-control-plane").await?;
            *guard = Some(Connection { client, last_used: SystemTime::now() });
        }
        Ok(guard)
    }

    /// Runs one statement with typed parameters: unnamed, one flight. A connection that turns out to be dead before
    /// anything was sent over it is replaced; a statement whose outcome is unknown is never sent twice.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StoreError> {
        let mut guard = self.client().await?;
        let Some(Connection { client, last_used }) = guard.as_mut() else { return Err(StoreError::Unavailable) };
        *last_used = SystemTime::now();
        match tokio::time::timeout(STATEMENT_TIMEOUT, client.query_typed(sql, parameters)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let error = StoreError::from(error);
                if matches!(error, StoreError::Unavailable) {
                    *guard = None;
                }
                Err(error)
            }
            Err(_) => {
                // The answer may still come: nothing else may be asked over this connection.
                *guard = None;
                Err(StoreError::Timeout)
            }
        }
    }

    /// As [`Store::query`], for a statement that only reads: a broken connection is replaced once.
    pub(crate) async fn read(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StoreError> {
        match self.query(sql, parameters).await {
            Err(StoreError::Unavailable) => self.query(sql, parameters).await,
            outcome => outcome,
        }
    }

    /// As [`Store::query`], for a statement that gives at most one row.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }
}
