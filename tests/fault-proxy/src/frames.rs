//! What the protocols that consist of frames have in common: [`crate::resp`] and [`crate::postgres`].

/// The bytes are not of the protocol they were taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another protocol")]
pub(crate) struct Malformed;

/// A part of the bytes given, from their beginning, that belongs to one reply or, of commands, to one frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Bytes; all of those given unless what they belong to ends before.
    pub len: usize,
    /// Whether that ends with it.
    pub ends: bool,
    /// Whether it is a push: not the reply to any command.
    pub push: bool,
    /// Whether the server, before it ends its reply, now waits for data from the client.
    pub asks: bool,
}
