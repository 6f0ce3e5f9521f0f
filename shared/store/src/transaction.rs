//! A transaction of several statements, for the rare case where something outside the database is changed in between.

use std::future::Future;
use std::time::SystemTime;

use tokio::sync::MutexGuard;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::connection::{Connection, STATEMENT_TIMEOUT};
use crate::{Store, StoreError};

/// Whoever waits for a row gives up before [`STATEMENT_TIMEOUT`]; whoever was frozen or killed with a transaction open
/// loses it when their route must have answered anyway.
///
/// Settings pin RDS Proxy's session: from here on this client has a connection to the server of its own. That is
/// accepted because a transaction that waits for something outside pins its connection meanwhile in any case, catalogs
/// are rarely written, and [`Store`] gives up a connection that was idle for a minute. Without the settings a frozen
/// environment would hold the row for as long as it stays frozen.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '1500ms'; SET LOCAL idle_in_transaction_session_timeout = '5s'";

/// An open transaction. Dropped, it is rolled back together with its connection, so that nobody can continue in it.
pub(crate) struct Transaction<'a> {
    /// Empty while the transaction is open, so that a drop leaves nothing behind.
    slot: MutexGuard<'a, Option<Connection>>,
    connection: Connection,
}

impl Store {
    /// Begins a transaction. Until it ends, every other use of this store waits.
    pub(crate) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        match self.begin_once().await {
            // Nothing was sent in it yet: the connection was dead, and a new one is as good.
            Err(StoreError::Unavailable) => self.begin_once().await,
            outcome => outcome,
        }
    }

    async fn begin_once(&self) -> Result<Transaction<'_>, StoreError> {
        let mut slot = self.client().await?;
        let connection = slot.take().ok_or(StoreError::Unavailable)?;
        in_time(connection.client.batch_execute(BEGIN)).await?;
        Ok(Transaction { slot, connection })
    }
}

impl Transaction<'_> {
    /// Runs one statement that gives at most one row. After an error the transaction can only be given up.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Option<Row>, StoreError> {
        Ok(in_time(self.connection.client.query_typed(sql, parameters)).await?.into_iter().next())
    }

    /// Commits. After [`StoreError::Unavailable`] or [`StoreError::Timeout`] nobody knows whether it did.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    /// Rolls back and keeps the connection. What cannot be confirmed needs no answer: the connection goes, and with it
    /// the transaction.
    pub(crate) async fn roll_back(self) {
        if self.end("ROLLBACK").await.is_err() {
            tracing::warn!("a transaction was given up with its connection");
        }
    }

    async fn end(self, sql: &str) -> Result<(), StoreError> {
        let Self { mut slot, connection } = self;
        in_time(connection.client.batch_execute(sql)).await?;
        *slot = Some(Connection { client: connection.client, last_used: SystemTime::now() });
        Ok(())
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, StoreError> {
    let outcome = tokio::time::timeout(STATEMENT_TIMEOUT, work).await.map_err(|_| StoreError::Timeout)?;
    Ok(outcome?)
}
