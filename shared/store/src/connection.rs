//! One connection. What opened it is remembered, so that it is opened again without asking for the credentials, and is read
//! again once it fails: a rotated password needs no restart.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::Actor;
use futures_util::future::BoxFuture;
use lambda_kit::{Declaration, Misconfigured, Need, Platform, Read};
use secrets::{DatabaseReadSecret, DatabaseSecret};
use tls::Authorities;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::yield_now;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::StoreError;
use crate::entrance::{Address, Entrance, HeadStart};

/// How the functions name themselves to the server.
const APPLICATION: &str = "ivory-control-plane";
/// The time limit for a statement of the control database. Each reads or writes a handful of rows by key.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the start of a process waits for the database. The first request waits for the start.
const WARM_UP: Duration = Duration::from_millis(1500);
/// A connection that was idle for this long is replaced. The process is frozen between two invocations, and a network
/// device may have dropped the connection in that time.
const TRUSTED_IDLE: Duration = Duration::from_mins(1);

/// Opens a connection to the control database. An instance of RDS is trusted if an authority of its region vouches for it.
pub async fn connect(config: &DatabaseSecret, application: &str) -> Result<Client, StoreError> {
    connect_trusting(Authorities::rds(&config.host), config, application).await
}

/// Opens a connection, always over TLS. These authorities, and those that the secret holds are trusted.
// Boxed: compiled in this crate only, not in each one that awaits it.
#[must_use]
pub fn connect_trusting<'a>(
    authorities: Authorities<'static>,
    config: &'a DatabaseSecret,
    application: &'a str,
) -> BoxFuture<'a, Result<Client, StoreError>> {
    Box::pin(async move { Entrance::new(authorities, config.clone(), None)?.open(application).await })
}

/// The control database, for statements that only read. One connection per process: a Lambda environment serves one
/// request at a time.
pub struct Reader {
    credentials: Read<DatabaseSecret>,
    /// Where the server probably is: a connection is begun while the secret is read, which says where it is.
    address: Option<Address>,
    /// What opened the last connection.
    entrance: Mutex<Option<Entrance>>,
    client: Mutex<Option<Connection>>,
}

/// The same for every statement.
pub struct Store {
    /// Who did what no caller decided, for the audit log.
    pub(crate) actor: String,
    reader: Reader,
}

impl Deref for Store {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Measured with the wall clock: a monotonic clock may stand still while the process is frozen.
    pub(crate) last_used: SystemTime,
}

impl Connection {
    fn is_usable(&self) -> bool {
        !self.client.is_closed() && self.last_used.elapsed().is_ok_and(|idle| idle < TRUSTED_IDLE)
    }
}

/// A function's handle on the control database. It is connected before the first request.
#[derive(Clone)]
pub struct ControlDatabase(Arc<Store>);

impl Deref for ControlDatabase {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}

/// The handle of a function that only reads. Its user in the database has no other right.
#[derive(Clone)]
pub struct ControlReader(Arc<Reader>);

impl Deref for ControlReader {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl Need for ControlReader {
    fn declare(declaration: &mut Declaration) {
        Read::<DatabaseReadSecret>::declare(declaration);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let reader = Arc::new(Reader::new(Need::open(platform)?).probably_at(platform.database_address()));
        let connecting = Arc::clone(&reader);
        platform.warm_up(async move { connecting.warm_up().await });
        Ok(Self(reader))
    }
}

impl Need for ControlDatabase {
    fn declare(declaration: &mut Declaration) {
        Read::<DatabaseSecret>::declare(declaration);
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let mut store = Store::new(Need::open(platform)?, platform.function());
        store.reader = store.reader.probably_at(platform.database_address());
        let store = Arc::new(store);
        let connecting = Arc::clone(&store);
        platform.warm_up(async move { connecting.warm_up().await });
        Ok(Self(store))
    }
}

impl Store {
    /// A store that connects when first used, for this function.
    #[must_use]
    pub fn new(credentials: Read<DatabaseSecret>, function: &str) -> Self {
        let actor = Actor::System { function }.to_string();
        Self { actor, reader: Reader::of(credentials) }
    }
}

impl Reader {
    /// A reader that connects when first used.
    #[must_use]
    pub fn new(credentials: Read<DatabaseReadSecret>) -> Self {
        let credentials = Read::from_fn(move |()| {
            let credentials = credentials.clone();
            async move { credentials.read().await.map(|DatabaseReadSecret(secret)| secret) }
        });
        Self::of(credentials)
    }

    fn of(credentials: Read<DatabaseSecret>) -> Self {
        Self { credentials, address: None, entrance: Mutex::new(None), client: Mutex::new(None) }
    }

    /// With a head start if the server is at this address, `host` or `host:port`. If it is not, nothing is lost.
    #[must_use]
    pub fn probably_at(self, address: Option<&str>) -> Self {
        Self { address: address.and_then(Address::parse), ..self }
    }

    /// Connects now, so that the first request does not wait for it. A failure is not an error yet: the first statement
    /// tries again and reports it.
    pub async fn warm_up(&self) {
        if !matches!(tokio::time::timeout(WARM_UP, self.client()).await, Ok(Ok(_))) {
            tracing::warn!("the control database could not be reached during start-up");
        }
    }

    /// The connection, which is opened again if needed. It is not shared until the guard is dropped.
    pub(crate) async fn client(&self) -> Result<MutexGuard<'_, Option<Connection>>, StoreError> {
        let mut guard = self.client.lock().await;
        if !guard.as_ref().is_some_and(Connection::is_usable) {
            *guard = Some(Connection { client: self.connect().await?, last_used: SystemTime::now() });
        }
        Ok(guard)
    }

    // Boxed: compiled in this crate only, not in each one that awaits a statement.
    fn connect(&self) -> BoxFuture<'_, Result<Client, StoreError>> {
        Box::pin(async move {
            let mut entrance = self.entrance.lock().await;
            // A failure may mean that the password, the host or the authority is another one now.
            if let Some(mut known) = entrance.take()
                && let Ok(client) = known.open(APPLICATION).await
            {
                *entrance = Some(known);
                return Ok(client);
            }
            let begun = self.address.clone().map(HeadStart::begin);
            // The server is dialled before AWS's client is made.
            yield_now().await;
            let mut read = self.read_entrance(begun).await?;
            let client = match read.open(APPLICATION).await {
                // The password was rotated since it was read.
                Err(StoreError::Refused) => {
                    read = self.read_entrance(None).await?;
                    read.open(APPLICATION).await
                }
                client => client,
            }?;
            *entrance = Some(read);
            Ok(client)
        })
    }

    async fn read_entrance(&self, begun: Option<HeadStart>) -> Result<Entrance, StoreError> {
        let config = self.credentials.read().await.map_err(StoreError::Credentials)?;
        Entrance::new(Authorities::rds(&config.host), config, begun)
    }

    /// Runs one statement with typed parameters: unnamed, in one round trip. If the connection turns out to be dead
    /// before anything was sent, it is replaced. A statement whose outcome is unknown is never sent twice.
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
                // The answer may still arrive, so this connection cannot be used for another statement.
                *guard = None;
                Err(StoreError::Timeout)
            }
        }
    }

    /// The same as [`Reader::query`], for a statement that only reads: a broken connection is replaced once.
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

    /// The same as [`Reader::query`], for a statement that returns at most one row.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }
}
