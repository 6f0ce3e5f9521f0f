//! What the scanners of RESP and of Postgres' protocol have in common.

/// The bytes are not of the protocol they were taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another protocol")]
pub(crate) struct Malformed;

impl From<bytes::TryGetError> for Malformed {
    fn from(_: bytes::TryGetError) -> Self {
        Self
    }
}

/// The first part of some bytes. It belongs to one reply or, from a client, to one command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Length in bytes: up to the end of the reply or command, or of all bytes given if it goes on.
    pub len: usize,
    /// Whether the reply or command is complete with this part.
    pub ends: bool,
    /// Whether this is a push: it answers no command.
    pub push: bool,
    /// Whether the server now waits for data from the client before it ends its reply.
    pub asks: bool,
}
