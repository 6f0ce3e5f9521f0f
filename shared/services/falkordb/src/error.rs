//! What can go wrong, and what the pipeline makes of it.

use domain::{CauseCode, Failure};

const CODES: redis_kit::Codes = redis_kit::Codes {
    bad_configuration: CauseCode::FalkorDbBadConfiguration,
    unreachable: CauseCode::FalkorDbUnreachable,
    timeout: CauseCode::FalkorDbTimeout,
    connection_lost: CauseCode::FalkorDbConnectionLost,
    unauthorized: CauseCode::FalkorDbUnauthorized,
    not_ready: CauseCode::FalkorDbNotReady,
    refused: CauseCode::FalkorDbRefused,
    unexpected_answer: CauseCode::FalkorDbUnexpectedAnswer,
};

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call itself failed.
    #[error(transparent)]
    Call(#[from] redis_kit::Error),
    /// The server has no FalkorDB module, or one without a command that we use.
    #[error("the server does not know a graph command")]
    NoModule,
    /// The graph's root node is another tenant's.
    #[error("the graph belongs to another tenant")]
    ForeignGraph,
    /// A text that no query can carry: one with a NUL.
    #[error("a name contains a NUL")]
    BadName,
    /// Somebody else writes to the graph.
    #[error("another write is in progress")]
    WriteInProgress,
    /// The unique constraint is still under construction after five seconds.
    #[error("the unique constraint is not in force yet")]
    ConstraintPending,
    /// The unique constraint does not hold: two nodes have the same value.
    #[error("the unique constraint cannot be enforced")]
    ConstraintFailed,
    /// The graph is not there after it was created.
    #[error("the graph is not there")]
    GraphMissing,
    /// The server has no file to keep users in: a restart would lock the tenant out.
    #[error("the server keeps no users across a restart")]
    NoAclFile,
    /// The user does not have exactly the rights that were set.
    #[error("the user's rights are not as set")]
    GrantMissing,
}

impl Error {
    /// A refused command under its name, where it has one.
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
            Error::GrantMissing => CauseCode::FalkorDbGrantMissing,
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::FalkorDb;

    /// Words recorded from Valkey 9.1 and FalkorDB 4.16.3, and what a grant makes of them.
    #[tokio::test]
    async fn refusals_are_named_by_their_words() {
        for (words, code, retryable) in [
            (
                "ERR This instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
                command and then issue a CONFIG REWRITE",
                CauseCode::FalkorDbNoAclFile,
                false,
            ),
            (
                "ERR Error in ACL SETUSER modifier '+graph.query': Unknown command or category name in ACL",
                CauseCode::FalkorDbNoModule,
                false,
            ),
            ("ERR unknown command 'GRAPH.QUERY', with args beginning with: 'g' ", CauseCode::FalkorDbNoModule, false),
            ("ERR another write is in progress, retry the query", CauseCode::FalkorDbWriteInProgress, true),
            ("NOPERM User hunter2 has no permissions to run the 'acl|setuser' command", CauseCode::FalkorDbUnauthorized, false),
            ("ERR Usernames can't contain spaces or null characters", CauseCode::FalkorDbRefused, false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("redis://{}", listener.local_addr().expect("bound"));
            tokio::spawn(async move {
                let (mut socket, _) = listener.accept().await.expect("a connection");
                // The library's two CLIENT SETINFO come first.
                for answer in ["+OK\r\n+OK\r\n", &format!("-{words}\r\n")] {
                    let _ = socket.read(&mut [0; 4096]).await;
                    let _ = socket.write_all(answer.as_bytes()).await;
                }
            });
            let falkordb = FalkorDb::connect(&url.into()).await.expect("connected");
            let error = falkordb.grant("hunter2", "hunter2", &"hunter2".into()).await.expect_err("refused");
            let shown = format!("{error} {error:?}");
            let failure = Failure::from(error);
            assert_eq!((failure.code(), failure.cause().retryable), (code, retryable));
            assert!(!format!("{shown} {failure:?}").contains("hunter2"), "{code:?}");
        }
    }
}
