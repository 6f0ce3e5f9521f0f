//! Bytes on their way to one side.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: BytesMut,
    /// Written, but perhaps kept back: TLS does until it is told to flush.
    unflushed: bool,
}

impl Outbox {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    /// Bytes not yet written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Gives up on what is left.
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
