//! Keys, each bound to one algorithm, and the signatures they verify.
//!
//! ring is called directly: `jsonwebtoken` without its providers would need a provider of ours around these same three
//! calls, and takes neither a clock nor the strictness about keys that is wanted here.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use spki::der::asn1::{AnyRef, UintRef};
use spki::der::{Decode as _, DecodePem as _};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};

use crate::token::Token;

/// Bytes of the shortest HS256 secret (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;
/// Bytes of the shortest and the longest RSA modulus, without leading zeros: 2048 and 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;
/// Bytes of a coordinate on P-256.
const COORDINATE: usize = 32;

/// `rsaEncryption` (RFC 8017).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey` and `secp256r1` (RFC 5480).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// The algorithms in use (RFC 7518); any other, `none` included, has no name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
}

impl Algorithm {
    /// The algorithm of this name, which has one spelling.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// A key and which tokens it is for.
pub(crate) struct Key {
    kid: Option<String>,
    material: Material,
}

/// One variant per algorithm, so that no key can be used with another's.
enum Material {
    Hs256(hmac::Key),
    Rs256(RsaPublicKeyComponents<Vec<u8>>),
    /// An uncompressed point.
    Es256(Vec<u8>),
}

impl Key {
    /// A shared secret of at least 32 bytes.
    pub fn from_secret(kid: Option<String>, secret: &[u8]) -> Option<Self> {
        let material = Material::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret));
        (secret.len() >= MIN_SECRET).then_some(Self { kid, material })
    }

    /// A public key as PEM (`BEGIN PUBLIC KEY`), RSA or P-256.
    pub fn from_pem(kid: Option<String>, pem: &str) -> Option<Self> {
        let key = SubjectPublicKeyInfoOwned::from_pem(pem).ok()?;
        let bytes = key.subject_public_key.as_bytes()?;
        let material = if key.algorithm.oid == RSA {
            let [n, e] = <[UintRef<'_>; 2]>::from_der(bytes).ok()?;
            rsa(n.as_bytes().to_vec(), e.as_bytes().to_vec())?
        } else if key.algorithm.oid == EC {
            let curve = AnyRef::from(key.algorithm.parameters.as_ref()?).decode_as::<ObjectIdentifier>().ok()?;
            (curve == P256).then(|| p256(bytes.to_vec()))??
        } else {
            return None;
        };
        Some(Self { kid, material })
    }

    /// A public key as JWK (RFC 7517), RSA or P-256; nothing where it is another or not for verifying signatures.
    pub fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let signs = jwk.usage.as_ref().is_none_or(|usage| usage == "sig")
            && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|it| it == "verify"));
        let decode = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let material = match jwk.kty.as_str() {
            "RSA" => rsa(decode(&jwk.n)?, decode(&jwk.e)?)?,
            "EC" if jwk.crv.as_deref() == Some("P-256") => {
                let (x, y) = (decode(&jwk.x)?, decode(&jwk.y)?);
                let whole = x.len() == COORDINATE && y.len() == COORDINATE;
                whole.then(|| p256([vec![4], x, y].concat()))??
            }
            _ => return None,
        };
        let key = Self { kid: jwk.kid.clone(), material };
        let named = jwk.alg.as_ref().is_none_or(|alg| Algorithm::named(alg) == Some(key.alg()));
        (signs && named).then_some(key)
    }

    /// The one algorithm it is for.
    pub fn alg(&self) -> Algorithm {
        match self.material {
            Material::Hs256(_) => Algorithm::Hs256,
            Material::Rs256(_) => Algorithm::Rs256,
            Material::Es256(_) => Algorithm::Es256,
        }
    }

    /// Whether tokens with this `kid` are for it, those without for a key without.
    pub fn is_named(&self, kid: Option<&str>) -> bool {
        self.kid.as_deref() == kid
    }

    /// Whether it made the token's signature, with its own algorithm whatever the token says.
    pub fn made(&self, token: &Token<'_>) -> bool {
        let (signed, signature) = (token.signed, token.signature.as_slice());
        match &self.material {
            Material::Hs256(key) => hmac::verify(key, signed, signature),
            Material::Rs256(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature),
            // FIXED: r and s of 32 bytes each (RFC 7518, section 3.4), never their DER form.
            Material::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature),
        }
        .is_ok()
    }
}

/// A public key as JWK: what is read of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Jwk {
    kty: String,
    pub kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Both big-endian without leading zeros, as ring wants them; it checks the exponent when it verifies.
fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Material> {
    let full = match n.first() {
        // The shortest modulus has its highest bit set, or it would have 2047.
        Some(first) if n.len() == *MODULUS.start() => *first >= 0x80,
        Some(first) => *first != 0 && MODULUS.contains(&n.len()),
        None => false,
    };
    full.then_some(Material::Rs256(RsaPublicKeyComponents { n, e }))
}

/// Compressed points are legal and rare; ring takes the other form only. It checks that the point is on the curve when it
/// verifies.
fn p256(point: Vec<u8>) -> Option<Material> {
    (point.len() == 1 + 2 * COORDINATE && point[0] == 4).then_some(Material::Es256(point))
}
