//! Keys, tokens and their signers, for tests.

#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    reason = "a test that panics fails, which is what it is for"
)]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use spki::der::asn1::{Any, BitString};
use spki::der::{EncodePem as _, pem::LineEnding};
use spki::{AlgorithmIdentifierOwned, Document, ObjectIdentifier, SubjectPublicKeyInfoOwned};

/// The time of the tests, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;
/// An HS256 secret of the shortest length.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const RSA_PRIVATE: &str = include_str!("rsa-2048.pem");
pub const RSA_PUBLIC: &str = include_str!("rsa-2048.public.pem");

pub fn encode(part: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part)
}

/// The usual claims with these changes. null removes a claim.
pub fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": "issuer", "aud": "audience", "sub": "subject", "role": "admin",
        "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 60,
    });
    let Value::Object(changes) = changes else { unreachable!("changes are an object") };
    let object = claims.as_object_mut().expect("an object");
    object.extend(changes);
    object.retain(|_, value| !value.is_null());
    claims
}

/// An `Authorization` header's value.
pub fn bearer(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    format!("Bearer {signed}.{}", encode(sign(signed.as_bytes())))
}

/// Signs as HS256 does.
pub fn hs256(secret: impl AsRef<[u8]>) -> impl Fn(&[u8]) -> Vec<u8> {
    hmac(hmac::HMAC_SHA256, secret)
}

pub fn hmac(algorithm: hmac::Algorithm, secret: impl AsRef<[u8]>) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, secret.as_ref());
    move |signed| hmac::sign(&key, signed).as_ref().to_vec()
}

fn rsa() -> RsaKeyPair {
    let (_, document) = Document::from_pem(RSA_PRIVATE).expect("PEM");
    RsaKeyPair::from_pkcs8(document.as_bytes()).expect("a key")
}

/// Signs as RS256 does.
pub fn rs256(signed: &[u8]) -> Vec<u8> {
    rsa_with(&RSA_PKCS1_SHA256)(signed)
}

pub fn rsa_with(encoding: &'static dyn RsaEncoding) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = rsa();
    move |signed| {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(encoding, &SystemRandom::new(), signed, &mut signature).expect("signed");
        signature
    }
}

pub fn rsa_jwk(kid: Option<&str>) -> Value {
    let RsaPublicKeyComponents::<Vec<u8>> { n, e } = rsa().public().into();
    json!({ "kty": "RSA", "kid": kid, "n": encode(n), "e": encode(e) })
}

/// A new ES256 key.
pub struct Es256 {
    fixed: EcdsaKeyPair,
    der: EcdsaKeyPair,
}

impl Es256 {
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("generated");
        let key = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key");
        Self { fixed: key(&ECDSA_P256_SHA256_FIXED_SIGNING), der: key(&ECDSA_P256_SHA256_ASN1_SIGNING) }
    }

    pub fn sign(&self, signed: &[u8]) -> Vec<u8> {
        self.fixed.sign(&SystemRandom::new(), signed).expect("signed").as_ref().to_vec()
    }

    /// A good signature in DER form, as certificates have it.
    pub fn sign_der(&self, signed: &[u8]) -> Vec<u8> {
        self.der.sign(&SystemRandom::new(), signed).expect("signed").as_ref().to_vec()
    }

    pub fn pem(&self) -> String {
        let curve = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
        let key = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"),
                parameters: Some(Any::encode_from(&curve).expect("encoded")),
            },
            subject_public_key: BitString::from_bytes(self.fixed.public_key().as_ref()).expect("encoded"),
        };
        key.to_pem(LineEnding::LF).expect("encoded")
    }

    pub fn jwk(&self, kid: Option<&str>) -> Value {
        let (x, y) = self.fixed.public_key().as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "kid": kid, "crv": "P-256", "x": encode(x), "y": encode(y) })
    }
}

/// A new ES384 key, as JWK, and its signer.
pub fn es384(kid: Option<&str>) -> (Value, impl Fn(&[u8]) -> Vec<u8>) {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).expect("generated");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, document.as_ref(), &random).expect("a key");
    let (x, y) = key.public_key().as_ref()[1..].split_at(48);
    let jwk = json!({ "kty": "EC", "kid": kid, "crv": "P-384", "x": encode(x), "y": encode(y) });
    (jwk, move |signed| key.sign(&SystemRandom::new(), signed).expect("signed").as_ref().to_vec())
}

/// A new `EdDSA` key, as JWK, and its signer.
pub fn eddsa(kid: Option<&str>) -> (Value, impl Fn(&[u8]) -> Vec<u8>) {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("generated");
    let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
    let jwk = json!({ "kty": "OKP", "kid": kid, "crv": "Ed25519", "x": encode(key.public_key()) });
    (jwk, move |signed| key.sign(signed).as_ref().to_vec())
}
