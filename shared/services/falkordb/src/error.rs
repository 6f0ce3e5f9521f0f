//! The errors of the client, and their cause codes.

use domain::{CauseCode, Failure};

const CODES: redis_kit::Codes = redis_kit::Codes {
    bad_configuration: CauseCode::FalkorDbBadConfiguration,
    unreachable: CauseCode::FalkorDbUnreachable,
    untrusted: CauseCode::FalkorDbUntrusted,
    timeout: CauseCode::FalkorDbTimeout,
    connection_lost: CauseCode::FalkorDbConnectionLost,
    unauthorized: CauseCode::FalkorDbUnauthorized,
    not_ready: CauseCode::FalkorDbNotReady,
    refused: CauseCode::FalkorDbRefused,
    unexpected_answer: CauseCode::FalkorDbUnexpectedAnswer,
};

/// An error of the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call itself failed.
    #[error(transparent)]
    Call(#[from] redis_kit::Error),
    /// The server has no FalkorDB module, or its module lacks a command that we use.
    #[error("the server does not know a graph command")]
    NoModule,
    /// The graph's root node belongs to another tenant.
    #[error("the graph belongs to another tenant")]
    ForeignGraph,
    /// A text contains a NUL, which no query can carry.
    #[error("a name contains a NUL")]
    BadName,
    /// Another client is writing to the graph.
    #[error("another write is in progress")]
    WriteInProgress,
    /// The unique constraint is still under construction after five seconds.
    #[error("the unique constraint is not in force yet")]
    ConstraintPending,
    /// The unique constraint cannot be enforced: two nodes have the same value.
    #[error("the unique constraint cannot be enforced")]
    ConstraintFailed,
    /// The graph does not exist after it was created.
    #[error("the graph does not exist")]
    GraphMissing,
    /// The server has no file for its users: after a restart the tenant could not log in.
    #[error("the server keeps no users across a restart")]
    NoAclFile,
    /// The server does not let our user make users.
    #[error("our user may not make users")]
    NoUsers,
    /// The user does not have exactly the rights that were set.
    #[error("the user's rights are not as set")]
    GrantMissing,
}

impl Error {
    /// The variant for a refused command, recognized by the text of the refusal.
    pub(crate) fn named(error: redis_kit::Error) -> Self {
        let says = |words| error.refusal().is_some_and(|reply| reply.says(words));
        if says("unknown command") || says("Unknown command or category name") {
            Self::NoModule
        } else if says("another write is in progress") {
            Self::WriteInProgress
        } else if says("not configured to use an ACL file") {
            Self::NoAclFile
        } else {
            Self::Call(error)
        }
    }

    /// The variant for a refused command that manages users.
    pub(crate) fn of_users(error: Self) -> Self {
        match error {
            Self::Call(redis_kit::Error::NotPermitted) => Self::NoUsers,
            other => other,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Call(error) => return error.failure(&CODES),
            Error::NoModule => CauseCode::FalkorDbNoModule,
            Error::ForeignGraph => CauseCode::FalkorDbForeignGraph,
            Error::BadName => CauseCode::FalkorDbBadName,
            Error::WriteInProgress => CauseCode::FalkorDbWriteInProgress,
            Error::ConstraintPending => CauseCode::FalkorDbConstraintPending,
            Error::ConstraintFailed => CauseCode::FalkorDbConstraintFailed,
            Error::GraphMissing => CauseCode::FalkorDbGraphMissing,
            Error::NoAclFile => CauseCode::FalkorDbNoAclFile,
            Error::NoUsers => CauseCode::FalkorDbNoUsers,
            Error::GrantMissing => CauseCode::FalkorDbGrantMissing,
        }
        .into()
    }
}
