//! The keys, and what they are called.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The characters of a key's id.
const ID: usize = 16;

/// It is not a key of 32 bytes, in hexadecimal, or not one of a pair.
#[derive(Debug, thiserror::Error)]
#[error("a key has 32 bytes, in hexadecimal")]
pub struct NoKey;

/// The public half of a pair, written in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// What it is called: the first characters of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = hex::encode(digest(&SHA256, &self.0));
        id.truncate(ID);
        id
    }

    /// Whether this is a signature of the message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        bytes(text).map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// Both halves. No `Debug`: it holds the private one.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A pair, if the halves belong together.
    pub fn of_pair(private: &str, public: &str) -> Result<Self, NoKey> {
        let (seed, public): ([u8; 32], PublicKey) = (bytes(private)?, public.parse()?);
        let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public.0).map_err(|_| NoKey)?;
        Ok(Self { pair, public })
    }

    /// The pair of a private half: 32 random bytes.
    pub fn of_seed(private: &str) -> Result<Self, NoKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&bytes(private)?).map_err(|_| NoKey)?;
        let public = pair.public_key().as_ref().try_into().map(PublicKey).map_err(|_| NoKey)?;
        Ok(Self { pair, public })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.pair.sign(message))
    }
}

fn bytes(text: &str) -> Result<[u8; 32], NoKey> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| NoKey)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, 7.1, test 2.
    const PRIVATE: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNED_72: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    #[test]
    fn it_signs_as_the_rfc_does() {
        let pair = SigningKey::of_pair(PRIVATE, PUBLIC).expect("a pair");
        assert_eq!(pair.sign(&[0x72]), SIGNED_72);
        let public: PublicKey = PUBLIC.parse().expect("a key");
        let signature = hex::decode(SIGNED_72).expect("hexadecimal");
        assert!(public.has_signed(&[0x72], &signature) && !public.has_signed(&[0x73], &signature));
        assert_eq!(SigningKey::of_seed(PRIVATE).expect("a pair").public(), &public);
        assert_eq!(public.to_string(), PUBLIC);
        assert_eq!(public.id().len(), ID);
    }

    #[test]
    fn halves_of_two_pairs_are_no_pair() {
        let other = SigningKey::of_seed(&"07".repeat(32)).expect("a pair");
        assert!(SigningKey::of_pair(PRIVATE, &other.public().to_string()).is_err());
        for text in ["", "00", &PRIVATE[1..], &format!("{PRIVATE}00"), &"zz".repeat(32)] {
            assert!(SigningKey::of_seed(text).is_err() && text.parse::<PublicKey>().is_err(), "{text}");
        }
    }
}
