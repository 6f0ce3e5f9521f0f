//! Errors of Postgres, distinguished as far as callers handle them differently.

use std::io;

use domain::{CauseCode, Failure};
use tls::Distrust;
use tokio_postgres::error::SqlState;

/// A statement or connection that failed. Holds no statement and no parameter, and of the server's texts only the names
/// in a certificate that is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no connection, or it broke: the statement's outcome is unknown.
    #[error("the database cannot be reached")]
    Unavailable,
    /// The server is not trusted. Nothing was sent to it.
    #[error("the database is not trusted: {0}")]
    Untrusted(Distrust),
    /// The server refused the credentials.
    #[error("the database refused the credentials")]
    Refused,
    /// The role may not do this.
    #[error("the database does not allow it")]
    Forbidden,
    /// The statement took too long.
    #[error("the database did not answer in time")]
    Timeout,
    /// A unique constraint refused the value.
    #[error("the value is taken")]
    Taken {
        /// The constraint's name in the schema.
        constraint: String,
    },
    /// The credentials could not be read.
    #[error("the database credentials: {0}")]
    Credentials(Failure),
    /// A statement or a row does not fit the schema. Holds the SQLSTATE or the column's name.
    #[error("a statement does not fit the schema ({0})")]
    Broken(String),
}

/// Converts the error of a connection that was not secure yet.
impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        tls::distrust(&error).map_or(Self::Unavailable, Self::Untrusted)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            // A row that cannot be converted does not fit the schema. Any other error without an SQLSTATE concerns the
            // connection.
            return if error.to_string().starts_with("error deserializing column")
                || error.to_string().starts_with("invalid column")
            {
                Self::Broken("row shape".to_owned())
            } else {
                Self::Unavailable
            };
        };
        match db.code() {
            &SqlState::UNIQUE_VIOLATION => Self::Taken { constraint: db.constraint().unwrap_or_default().to_owned() },
            &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Self::Refused,
            &SqlState::INSUFFICIENT_PRIVILEGE => Self::Forbidden,
            &SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE => Self::Timeout,
            code if passes(code.code()) => Self::Unavailable,
            code => Self::Broken(code.code().to_owned()),
        }
    }
}

/// Converts the error into a failure of the control database. A failover takes a minute or two, and this kind is
/// retried for that long.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Credentials(failure) => failure,
            StoreError::Untrusted(distrust) => {
                Self::with_detail(CauseCode::ControlDatabaseUntrusted, distrust.to_string())
            }
            StoreError::Unavailable | StoreError::Timeout | StoreError::Refused => {
                CauseCode::ControlDatabaseUnavailable.into()
            }
            StoreError::Forbidden | StoreError::Taken { .. } | StoreError::Broken(_) => {
                CauseCode::ControlDatabaseMismatch.into()
            }
        }
    }
}

/// Whether an SQLSTATE is temporary: 08 connection, 25 transaction state (a server that became a replica), 40
/// rollback (deadlock), 53 out of resources, 57 operator intervention, 58 system, and the pooler's XX.
pub(crate) fn passes(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "25" | "40" | "53" | "57" | "58" | "XX"))
}
