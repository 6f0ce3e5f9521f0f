//! Bytes that go from one side to the other.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// How many bytes a side may send ahead while nothing passes. The proxy goes on reading, because otherwise it would not
/// notice that the side has gone.
pub(crate) const AHEAD: usize = 1 << 20;
/// The size of one read. It is usually enough to read in one piece what a client writes in one piece.
pub(crate) const READ: usize = 16 << 10;

/// Bytes that still have to be written to one side.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: BytesMut,
    /// Whether written bytes may still be in a buffer: TLS keeps them back until it is flushed.
    unflushed: bool,
}

impl Outbox {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether everything is written and flushed.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    /// How many bytes are not yet written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Drops what is not yet written.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.unflushed = false;
    }

    /// Writes some of it. Cancel safe.
    pub async fn write_some(&mut self, into: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if !self.bytes.is_empty() {
            into.write_buf(&mut self.bytes).await?;
            self.unflushed = true;
        }
        into.flush().await?;
        self.unflushed = false;
        Ok(())
    }
}
