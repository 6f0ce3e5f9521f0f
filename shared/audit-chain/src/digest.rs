//! Digests, and how rows are chained.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};

/// A SHA-256, written in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What stands before the first row.
    pub const NOTHING: Self = Self([0; 32]);

    /// The digest of all of these, one after the other.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// It does not have 32 bytes.
#[derive(Debug, thiserror::Error)]
#[error("a digest has 32 bytes, in hexadecimal")]
pub struct NoDigest;

impl TryFrom<&[u8]> for Digest {
    type Error = NoDigest;

    fn try_from(bytes: &[u8]) -> Result<Self, NoDigest> {
        bytes.try_into().map(Self).map_err(|_| NoDigest)
    }
}

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoDigest)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// The seal of the row with this digest, as number `seq` from 1: of the bytes of the seal before it ([`Digest::NOTHING`] for the first
/// one), the number in eight bytes, the largest first, and the bytes of the digest.
#[must_use]
pub fn seal(previous: &Digest, seq: u64, digest: &Digest) -> Digest {
    Digest::of(&[&previous.0, &seq.to_be_bytes(), &digest.0])
}
