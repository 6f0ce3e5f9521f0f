//! A transaction of several statements, for a change outside the database between two of them.

use std::future::Future;
use std::time::SystemTime;

use tokio::sync::MutexGuard;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::connection::{Connection, STATEMENT_TIMEOUT};
use crate::{Store, StoreError};

/// Begins a transaction with two time limits. A statement that waits for a row fails before [`STATEMENT_TIMEOUT`]. If
/// an invocation is frozen or killed with an open transaction, the server ends the transaction after 5 s, when the
/// route must have answered.
///
/// These settings pin RDS Proxy's session: from then on the client has its own server connection. That is acceptable: a
/// transaction pins its connection anyway, catalogs and targets are rarely written, and [`Store`] closes a connection that was idle
/// for a minute. Without the settings a frozen process would keep the row locked.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '1500ms'; SET LOCAL idle_in_transaction_session_timeout = '5s'";

/// An open transaction. If it is dropped, its connection is closed, so that the transaction cannot be continued.
pub(crate) struct Transaction<'a> {
    /// Empty while the transaction is open, so that a drop closes the connection.
    slot: MutexGuard<'a, Option<Connection>>,
    connection: Connection,
}

impl Store {
    /// Begins a transaction. Until it ends, every other use of this store waits.
    pub(crate) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        match self.begin_once().await {
            // The connection was dead before anything was sent, so a new one can be used.
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
    /// Runs one statement that gives at most one row. After an error the transaction can only be rolled back.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// Runs one statement. After an error the transaction can only be rolled back.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StoreError> {
        in_time(self.connection.client.query_typed(sql, parameters)).await
    }

    /// Commits. After [`StoreError::Unavailable`] or [`StoreError::Timeout`] it is unknown whether it committed.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    /// Rolls back and keeps the connection. If that cannot be confirmed, the connection is closed, which ends the
    /// transaction as well.
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
