//! Keys, each bound to one algorithm, and the signatures they verify.
//!
//! ring is called directly; why is told in `ARCHITECTURE.md`.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;
use spki::der::asn1::{AnyRef, UintRef};
use spki::der::{Decode as _, DecodePem as _};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;

use crate::algorithm::Algorithm;
use crate::token::Token;

/// Bytes of the shortest and the longest RSA modulus, without leading zeros: 2048 and 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// `rsaEncryption` (RFC 8017).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey`, `secp256r1` and `secp384r1` (RFC 5480).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// `id-Ed25519` (RFC 8410).
const EDWARDS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What encodes a number in a JWK. Some issuers pad it, which tells nothing.
const NUMBER: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key, and which tokens it verifies.
pub struct Key {
    name: Name,
    alg: Algorithm,
    material: Material,
}

/// The tokens that a key is tried for.
enum Name {
    /// Whatever their `kid` is.
    Any,
    /// With this `kid`, or without one.
    Is(String),
    /// Without one.
    None,
}

/// What a signature is verified with. It fits the key's algorithm.
enum Material {
    Shared(hmac::Key),
    Rsa(&'static RsaParameters, RsaPublicKeyComponents<Vec<u8>>),
    Curve(&'static EcdsaVerificationAlgorithm, Vec<u8>),
    Edwards(Vec<u8>),
}

/// A public key that is not bound to an algorithm yet.
pub(crate) enum Public {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// Uncompressed points.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Public {
    /// A key as PEM (`BEGIN PUBLIC KEY`).
    pub fn from_pem(pem: &str) -> Option<Self> {
        Self::from_spki(&SubjectPublicKeyInfoOwned::from_pem(pem).ok()?)
    }

    /// The key of a certificate as PEM, or of the first of a chain. The certificate is only what the key lies in: who put it
    /// into the configuration vouches for it.
    pub fn from_certificate(pem: &str) -> Option<Self> {
        Self::of_certificate(certificates(pem)?.first()?)
    }

    fn of_certificate(certificate: &Certificate) -> Option<Self> {
        Self::from_spki(&certificate.tbs_certificate.subject_public_key_info)
    }

    fn from_spki(key: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        let bytes = key.subject_public_key.as_bytes()?;
        if key.algorithm.oid == RSA {
            let [n, e] = <[UintRef<'_>; 2]>::from_der(bytes).ok()?;
            return rsa(n.as_bytes(), e.as_bytes());
        }
        if key.algorithm.oid == EC {
            let curve = AnyRef::from(key.algorithm.parameters.as_ref()?).decode_as::<ObjectIdentifier>().ok()?;
            return [(P256, Curve::P256), (P384, Curve::P384)]
                .into_iter()
                .find_map(|(oid, it)| (oid == curve).then(|| it.point(bytes.to_vec()))?);
        }
        (key.algorithm.oid == EDWARDS).then(|| edwards(bytes.to_vec()))?
    }

    /// The public key in a JWK, with which signatures may be verified. `None` for any other key.
    fn from_jwk(jwk: &Value) -> Option<Self> {
        // Absent and null say nothing; what is there has to say that the key is for signatures.
        let signs = jwk.get("use").is_none_or(|usage| usage.is_null() || usage == "sig");
        let verifies = jwk.get("key_ops").is_none_or(|operations| match operations {
            Value::Null => true,
            operations => operations.as_array().is_some_and(|list| list.iter().any(|it| it == "verify")),
        });
        if !signs || !verifies {
            return None;
        }
        match (jwk.get("kty")?.as_str()?, jwk.get("crv").and_then(Value::as_str)) {
            ("RSA", _) => match (number(jwk, "n"), number(jwk, "e")) {
                (Some(n), Some(e)) => rsa(&n, &e),
                // Some issuers publish nothing but the certificate.
                _ if jwk.get("n").is_none() => match certified(jwk)? {
                    it @ Self::Rsa(_) => Some(it),
                    Self::P256(_) | Self::P384(_) | Self::Ed25519(_) => None,
                },
                _ => None,
            },
            ("EC", Some("P-256")) => Curve::P256.coordinates(&number(jwk, "x")?, &number(jwk, "y")?),
            ("EC", Some("P-384")) => Curve::P384.coordinates(&number(jwk, "x")?, &number(jwk, "y")?),
            ("EC", None) if jwk.get("x").is_none() => match certified(jwk)? {
                it @ (Self::P256(_) | Self::P384(_)) => Some(it),
                Self::Rsa(_) | Self::Ed25519(_) => None,
            },
            ("OKP", Some("Ed25519")) => edwards(number(jwk, "x")?),
            _ => None,
        }
    }

    /// What a key is for if nothing says it: RFC 7517 leaves it open, and issuers mean these.
    const fn usual(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::P384(_) => Algorithm::Es384,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// This as what verifies signatures of this algorithm, if it does.
    fn bound_to(self, alg: Algorithm) -> Option<Material> {
        let rsa = |parameters, key| Some(Material::Rsa(parameters, key));
        match (alg, self) {
            (Algorithm::Rs256, Self::Rsa(key)) => rsa(&RSA_PKCS1_2048_8192_SHA256, key),
            (Algorithm::Rs384, Self::Rsa(key)) => rsa(&RSA_PKCS1_2048_8192_SHA384, key),
            (Algorithm::Rs512, Self::Rsa(key)) => rsa(&RSA_PKCS1_2048_8192_SHA512, key),
            (Algorithm::Ps256, Self::Rsa(key)) => rsa(&RSA_PSS_2048_8192_SHA256, key),
            (Algorithm::Ps384, Self::Rsa(key)) => rsa(&RSA_PSS_2048_8192_SHA384, key),
            (Algorithm::Ps512, Self::Rsa(key)) => rsa(&RSA_PSS_2048_8192_SHA512, key),
            // FIXED: r and s one after the other (RFC 7518, section 3.4), not their DER form.
            (Algorithm::Es256, Self::P256(point)) => Some(Material::Curve(&ECDSA_P256_SHA256_FIXED, point)),
            (Algorithm::Es384, Self::P384(point)) => Some(Material::Curve(&ECDSA_P384_SHA384_FIXED, point)),
            (Algorithm::EdDsa, Self::Ed25519(key)) => Some(Material::Edwards(key)),
            _ => None,
        }
    }
}

impl Key {
    /// A secret that the issuer shares with us. It has as many bytes as the algorithm's digest, or more (RFC 7518, section
    /// 3.2).
    pub(crate) fn shared(kid: Option<String>, alg: Algorithm, secret: &[u8]) -> Option<Self> {
        let digest = match alg {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return None,
        };
        let long_enough = secret.len() >= digest.digest_algorithm().output_len();
        long_enough.then(|| Self {
            name: Name::of(kid),
            alg,
            material: Material::Shared(hmac::Key::new(digest, secret)),
        })
    }

    /// A public key, for this algorithm.
    pub(crate) fn public(kid: Option<String>, alg: Algorithm, public: Public) -> Option<Self> {
        Some(Self { name: Name::of(kid), alg, material: public.bound_to(alg)? })
    }

    /// A public key as JWK (RFC 7517). `None` for any other key, and for one that is not for signatures. It is for `alg` if
    /// that is given, and the JWK does not say another one.
    pub(crate) fn from_jwk(jwk: &Value, alg: Option<Algorithm>) -> Option<Self> {
        let named = match jwk.get("alg") {
            None | Some(Value::Null) => None,
            Some(name) => Some(Algorithm::named(name.as_str()?)?),
        };
        let kid = match jwk.get("kid") {
            None | Some(Value::Null) => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        if alg.is_some() && named.is_some() && alg != named {
            return None;
        }
        let public = Public::from_jwk(jwk)?;
        let alg = alg.or(named).unwrap_or_else(|| public.usual());
        Self::public(kid, alg, public)
    }

    /// The same key for tokens with any `kid`.
    pub(crate) fn for_any_kid(self) -> Self {
        Self { name: Name::Any, ..self }
    }

    /// The same key under another name.
    pub(crate) fn named(self, kid: Option<String>) -> Self {
        Self { name: Name::of(kid), ..self }
    }

    /// Its `kid`, if it is for one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        match &self.name {
            Name::Is(kid) => Some(kid),
            Name::Any | Name::None => None,
        }
    }

    /// Its algorithm.
    #[must_use]
    pub const fn alg(&self) -> Algorithm {
        self.alg
    }

    /// Whether the key is tried for this token. A token without `kid` is tried with every key of its algorithm. The token may
    /// choose a key, but not how the key is used.
    pub(crate) fn is_for(&self, token: &Token<'_>) -> bool {
        let named = match (&self.name, &token.kid) {
            (Name::Any, _) | (_, None) => true,
            (Name::Is(kid), Some(of_token)) => kid == of_token,
            (Name::None, Some(_)) => false,
        };
        named && self.alg == token.alg
    }

    /// Whether the key made the token's signature. The key decides the algorithm, not the token.
    pub(crate) fn made(&self, token: &Token<'_>) -> bool {
        let (signed, signature) = (token.signed, token.signature.as_slice());
        match &self.material {
            Material::Shared(key) => hmac::verify(key, signed, signature),
            Material::Rsa(parameters, key) => key.verify(parameters, signed, signature),
            Material::Curve(algorithm, point) => UnparsedPublicKey::new(*algorithm, point).verify(signed, signature),
            Material::Edwards(key) => UnparsedPublicKey::new(&ED25519, key).verify(signed, signature),
        }
        .is_ok()
    }
}

impl Name {
    fn of(kid: Option<String>) -> Self {
        kid.map_or(Self::None, Self::Is)
    }
}

/// The keys of a key set (RFC 7517, section 5) that signatures may be verified with. Each is read for itself: one that is
/// unknown, too small or for encryption does not make the others unusable. `None` if it is no key set.
#[must_use]
pub fn key_set(json: &[u8]) -> Option<Vec<Key>> {
    let document: Value = serde_json::from_slice(json).ok()?;
    Some(document.get("keys")?.as_array()?.iter().filter_map(|jwk| Key::from_jwk(jwk, None)).collect())
}

/// A number of a JWK. Issuers differ in the alphabet and in the padding.
fn number(jwk: &Value, name: &str) -> Option<Vec<u8>> {
    NUMBER.decode(jwk.get(name)?.as_str()?.replace('+', "-").replace('/', "_")).ok()
}

/// The key of the first certificate in `x5c`. The key set vouches for it, as it does for a key's numbers.
fn certified(jwk: &Value) -> Option<Public> {
    let der = BASE64_STANDARD.decode(jwk.get("x5c")?.get(0)?.as_str()?).ok()?;
    Public::of_certificate(&Certificate::from_der(&der).ok()?)
}

/// The certificates in a text that may say more around them. `None` if there is none, or one cannot be read.
pub(crate) fn certificates(pem: &str) -> Option<Vec<Certificate>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let parts = pem.split_inclusive("-----END CERTIFICATE-----").filter_map(|part| Some(&part[part.find(BEGIN)?..]));
    let certificates: Vec<_> = parts.map(Certificate::from_pem).collect::<Result<_, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

/// Both numbers are big-endian. ring wants them without leading zeros, and checks the exponent when it verifies.
fn rsa(n: &[u8], e: &[u8]) -> Option<Public> {
    let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
    // The shortest modulus has its highest bit set; otherwise it would have 2047 bits.
    let whole = MODULUS.contains(&n.len()) && (n.len() > *MODULUS.start() || n[0] >= 0x80);
    whole.then(|| Public::Rsa(RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() }))
}

/// ring checks that it is a point of the curve when it verifies.
fn edwards(key: Vec<u8>) -> Option<Public> {
    (key.len() == 32).then_some(Public::Ed25519(key))
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
}

impl Curve {
    /// Bytes of a coordinate.
    const fn coordinate(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// An uncompressed point: ring accepts no other form. ring checks that it is on the curve when it verifies.
    fn point(self, point: Vec<u8>) -> Option<Public> {
        let whole = point.len() == 1 + 2 * self.coordinate() && point[0] == 4;
        whole.then_some(match self {
            Self::P256 => Public::P256(point),
            Self::P384 => Public::P384(point),
        })
    }

    /// The point with these coordinates. Both have their full length (RFC 7518, section 6.2.1.2), or zeros before it.
    fn coordinates(self, x: &[u8], y: &[u8]) -> Option<Public> {
        let full = |number: &[u8]| -> Option<Vec<u8>> {
            let (zeros, number) = number.split_at_checked(number.len().checked_sub(self.coordinate())?)?;
            zeros.iter().all(|byte| *byte == 0).then(|| number.to_vec())
        };
        self.point([vec![4], full(x)?, full(y)?].concat())
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use ring::signature::{RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512};
    use serde_json::json;

    use super::*;
    use crate::fixtures::{
        Es256, NOW, RSA_PRIVATE, RSA_PUBLIC, SECRET, bearer, eddsa, encode, es384, hmac as hmac_with, hs256, rs256,
        rsa_jwk, rsa_with,
    };

    #[expect(clippy::needless_pass_by_value, reason = "as json! makes it")]
    fn jwk(value: Value) -> Option<Key> {
        Key::from_jwk(&value, None)
    }

    /// A key of what this PEM holds, for what it is usually for.
    fn pem(pem: &str) -> Option<Key> {
        let public = Public::from_pem(pem)?;
        let alg = public.usual();
        Key::public(None, alg, public)
    }

    /// This JWK with these members instead.
    fn changed(mut jwk: Value, changes: Value) -> Value {
        let Value::Object(changes) = changes else { unreachable!("changes are an object") };
        jwk.as_object_mut().expect("an object").extend(changes);
        jwk
    }

    /// Whether the key accepts this signature.
    fn made(key: &Key, sign: impl Fn(&[u8]) -> Vec<u8>) -> bool {
        let header = bearer(&json!({ "alg": "HS256" }), &json!({ "exp": NOW }), sign);
        key.made(&Token::from_header(&header).expect("a token"))
    }

    #[test]
    fn each_algorithm_verifies_its_own_signatures_only() {
        type Sign<'a> = Box<dyn Fn(&[u8]) -> Vec<u8> + 'a>;
        let long = SECRET.repeat(2);
        let es256 = Es256::new();
        let point = encode_point(&es256);
        let ((p384, es384), (edwards, eddsa)) = (es384(None), eddsa(None));
        let shared = |alg| Key::shared(None, alg, long.as_bytes()).expect("a key");
        let rsa = |alg| Key::from_jwk(&rsa_jwk(None), Some(alg)).expect("a key");
        let all: [(Key, Sign<'_>); 12] = [
            (shared(Algorithm::Hs256), Box::new(hs256(&long))),
            (shared(Algorithm::Hs384), Box::new(hmac_with(hmac::HMAC_SHA384, &long))),
            (shared(Algorithm::Hs512), Box::new(hmac_with(hmac::HMAC_SHA512, &long))),
            (rsa(Algorithm::Rs256), Box::new(rs256)),
            (rsa(Algorithm::Rs384), Box::new(rsa_with(&RSA_PKCS1_SHA384))),
            (rsa(Algorithm::Rs512), Box::new(rsa_with(&RSA_PKCS1_SHA512))),
            (rsa(Algorithm::Ps256), Box::new(rsa_with(&RSA_PSS_SHA256))),
            (rsa(Algorithm::Ps384), Box::new(rsa_with(&RSA_PSS_SHA384))),
            (rsa(Algorithm::Ps512), Box::new(rsa_with(&RSA_PSS_SHA512))),
            (pem(&es256.pem()).expect("a key"), Box::new(move |signed| es256.sign(signed))),
            (jwk(p384).expect("a key"), Box::new(es384)),
            (jwk(edwards).expect("a key"), Box::new(eddsa)),
        ];
        assert_eq!(all.each_ref().map(|(key, _)| key.alg()), Algorithm::ALL);
        for (key, _) in &all {
            for (other, sign) in &all {
                assert_eq!(made(key, sign), key.alg() == other.alg(), "{} {}", key.alg(), other.alg());
            }
            assert!(!made(key, |signed| Es256::new().sign(signed)), "another key's");
            assert!(!made(key, hs256("another secret of 32 bytes or so")), "another key's");
            assert!(!made(key, hs256(&point)), "the public key is no secret");
            assert!(!made(key, |_| Vec::new()), "none");
            for length in [1, 32, 64, 96, 256] {
                assert!(!made(key, |_| vec![0; length]), "zeros");
            }
        }
    }

    #[test]
    fn a_key_is_bound_to_one_algorithm_of_its_kind() {
        let ((p384, _), (edwards, _)) = (es384(None), eddsa(None));
        for (key, fits) in [
            (rsa_jwk(None), &Algorithm::ALL[3..9]),
            (Es256::new().jwk(None), &Algorithm::ALL[9..10]),
            (p384, &Algorithm::ALL[10..11]),
            (edwards, &Algorithm::ALL[11..]),
        ] {
            for alg in Algorithm::ALL {
                let bound = Key::from_jwk(&key, Some(alg));
                assert_eq!(bound.map(|key| key.alg()), fits.contains(&alg).then_some(alg), "{alg} {key}");
                let named = jwk(changed(key.clone(), json!({ "alg": alg.name() })));
                assert_eq!(named.is_some(), fits.contains(&alg), "{alg} {key}");
            }
            let both = changed(key.clone(), json!({ "alg": fits[0].name() }));
            let other = if fits[0] == Algorithm::Rs256 { Algorithm::Ps256 } else { Algorithm::Rs256 };
            assert!(Key::from_jwk(&both, Some(fits[0])).is_some() && Key::from_jwk(&both, Some(other)).is_none());
        }
    }

    fn encode_point(key: &Es256) -> Vec<u8> {
        SubjectPublicKeyInfoOwned::from_pem(key.pem()).expect("PEM").subject_public_key.raw_bytes().to_vec()
    }

    #[test]
    fn an_es256_signature_is_two_numbers_and_not_their_der_form() {
        let es256 = Es256::new();
        let key = pem(&es256.pem()).expect("a key");
        assert!(made(&key, |signed| es256.sign(signed)));
        assert!(!made(&key, |signed| es256.sign_der(signed)));
        assert!(!made(&key, |signed| [es256.sign(signed), vec![0]].concat()));
        assert!(!made(&key, |signed| es256.sign(signed)[..63].to_vec()));
    }

    #[test]
    fn the_standards_example_verifies() {
        // RFC 7515, appendix A.3.
        let key = json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        let header = "Bearer eyJhbGciOiJFUzI1NiJ9\
            .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
            .DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let token = Token::from_header(header).expect("a token");
        assert_eq!(token.alg, Algorithm::Es256);
        assert!(jwk(key).expect("a key").made(&token));
    }

    #[test]
    fn a_secret_has_as_many_bytes_as_the_digest() {
        for (alg, least) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            assert!(Key::shared(None, alg, &vec![1; least]).is_some(), "{alg}");
            for length in [least - 1, 0] {
                assert!(Key::shared(None, alg, &vec![1; length]).is_none(), "{alg} {length}");
            }
        }
        assert!(Key::shared(None, Algorithm::Rs256, &[1; 300]).is_none());
    }

    #[test]
    fn a_pem_holds_one_public_key() {
        let (p256, p384) = (include_str!("../tests/p256.public.pem"), include_str!("../tests/p384.public.pem"));
        for good in [RSA_PUBLIC, p256, p384, RSA_PUBLIC.trim_end()] {
            assert!(pem(good).is_some(), "{good}");
            assert!(pem(&good.replace('\n', "\r\n")).is_some(), "{good}");
        }
        for bad in [
            RSA_PRIVATE,
            include_str!("../tests/rsa-1024.public.pem"),
            &RSA_PUBLIC.replace("PUBLIC", "RSA PUBLIC"),
            &RSA_PUBLIC.replace("MIIB", "MIIC"),
            &RSA_PUBLIC.replace('\n', ""),
            "",
        ] {
            assert!(pem(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_jwk_and_a_pem_give_the_same_key() {
        let es256 = Es256::new();
        assert!(made(&jwk(rsa_jwk(None)).expect("a key"), rs256));
        assert!(made(&jwk(es256.jwk(None)).expect("a key"), |signed| es256.sign(signed)));
    }

    #[test]
    fn a_jwk_for_another_purpose_is_not_a_key() {
        for (good, alg) in [(rsa_jwk(None), "RS256"), (Es256::new().jwk(None), "ES256")] {
            for changes in [
                json!({ "alg": alg, "use": "sig", "key_ops": ["verify"] }),
                json!({ "alg": null, "use": null, "key_ops": null, "x5c": ["AA"], "d": "AA" }),
                json!({ "key_ops": ["sign", "verify"] }),
            ] {
                assert!(jwk(changed(good.clone(), changes.clone())).is_some(), "{changes}");
            }
            for changes in [
                json!({ "use": "enc" }),
                json!({ "use": "" }),
                json!({ "use": 1 }),
                json!({ "key_ops": [] }),
                json!({ "key_ops": ["encrypt", "wrapKey"] }),
                json!({ "key_ops": "verify" }),
                json!({ "alg": "HS256" }),
                json!({ "alg": "none" }),
                json!({ "alg": "ES384" }),
                json!({ "alg": "RSA-OAEP-256" }),
                json!({ "alg": "ECDH-ES" }),
                json!({ "alg": 1 }),
                json!({ "kid": 1 }),
                json!({ "alg": if alg == "RS256" { "ES256" } else { "RS256" } }),
                json!({ "kty": "oct", "k": "A".repeat(64) }),
                json!({ "kty": "OKP" }),
                json!({ "kty": null }),
            ] {
                assert!(jwk(changed(good.clone(), changes.clone())).is_none(), "{changes}");
            }
        }
        assert!(jwk(json!({ "kty": "oct", "k": "A".repeat(64), "alg": "HS256" })).is_none());
    }

    #[test]
    fn an_rsa_jwk_has_2048_to_8192_bits() {
        let number = |first: u8, length: usize| {
            let mut bytes = vec![0xff; length];
            bytes[0] = first;
            BASE64_URL_SAFE_NO_PAD.encode(bytes)
        };
        let with = |n: String| jwk(changed(rsa_jwk(None), json!({ "n": n }))).is_some();
        for (first, length, good) in [
            (0x80, 256, true),
            (0x7f, 256, false),
            (0xff, 255, false),
            (0x01, 257, true),
            (0x00, 257, true),
            (0x00, 256, false),
            (0xff, 1024, true),
            (0x01, 1025, false),
            (0xff, 128, false),
        ] {
            assert_eq!(with(number(first, length)), good, "{first:x} {length}");
        }
        // Padding, and the other alphabet.
        let long = number(0x80, 256);
        assert!(long.contains("____") && with(format!("{long}==")) && with(long.replace('_', "/")));
        for bad in [String::new(), "A".to_owned(), format!("{long}==="), format!("{long}\n"), format!(" {long}")] {
            assert!(!with(bad.clone()), "{bad}");
        }
        // ring refuses the exponent when it verifies.
        assert!(made(&jwk(changed(rsa_jwk(None), json!({ "e": "AAEAAQ" }))).expect("with a zero"), rs256));
        for e in ["AQ", "Ag", "", "AQABAQABAQAB"] {
            assert!(jwk(changed(rsa_jwk(None), json!({ "e": e }))).is_none_or(|key| !made(&key, rs256)), "{e}");
        }
    }

    #[test]
    fn an_ec_jwk_is_a_point_on_p256() {
        let es256 = Es256::new();
        let good = es256.jwk(None);
        for changes in [
            json!({ "crv": "P-384" }),
            json!({ "crv": "secp256k1" }),
            json!({ "crv": null }),
            json!({ "x": BASE64_URL_SAFE_NO_PAD.encode([1; 31]) }),
            json!({ "y": BASE64_URL_SAFE_NO_PAD.encode([1; 33]) }),
            json!({ "x": BASE64_URL_SAFE_NO_PAD.encode([1; 31]), "y": BASE64_URL_SAFE_NO_PAD.encode([1; 33]) }),
            json!({ "y": null }),
            json!({ "y": "" }),
        ] {
            assert!(jwk(changed(good.clone(), changes.clone())).is_none(), "{changes}");
        }
        for coordinate in [[0; 32], [1; 32], [0xff; 32]] {
            let off_the_curve = changed(good.clone(), json!({ "y": BASE64_URL_SAFE_NO_PAD.encode(coordinate) }));
            assert!(!made(&jwk(off_the_curve).expect("of the right length"), |signed| es256.sign(signed)));
        }
    }

    #[test]
    fn zeros_before_a_coordinate_change_nothing() {
        let es256 = Es256::new();
        let point = encode_point(&es256);
        let long = |range: std::ops::Range<usize>| encode([&[0], &point[range]].concat());
        let zeros = changed(es256.jwk(None), json!({ "x": long(1..33), "y": long(33..65) }));
        assert!(made(&jwk(zeros).expect("a key"), |signed| es256.sign(signed)));
    }

    /// A certificate of this key.
    fn certificate(of: &rcgen::KeyPair) -> rcgen::Certificate {
        rcgen::CertificateParams::new(vec!["issuer.example".to_owned()])
            .expect("names")
            .self_signed(of)
            .expect("signed")
    }

    #[test]
    fn a_certificate_is_as_good_as_its_key() {
        for (algorithm, alg, kty) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Algorithm::Es256, "EC"),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Algorithm::Es384, "EC"),
            (&rcgen::PKCS_ED25519, Algorithm::EdDsa, "OKP"),
        ] {
            let pair = rcgen::KeyPair::generate_for(algorithm).expect("a key");
            let certificate = certificate(&pair);
            let public = Public::from_certificate(&certificate.pem()).expect("a certificate");
            assert_eq!(Key::public(None, alg, public).expect("a key").alg(), alg);
            let chain = format!("# A comment\n{}\n{}", certificate.pem(), certificate.pem());
            assert!(Public::from_certificate(&chain).is_some());
            assert!(Public::from_certificate(&chain.replace("MI", "MJ")).is_none());
            let x5c =
                json!({ "kty": kty, "kid": "c", "use": "sig", "x5c": [BASE64_STANDARD.encode(certificate.der())] });
            // An OKP key without its curve is none.
            assert_eq!(jwk(x5c.clone()).map(|key| key.alg()), (kty == "EC").then_some(alg));
            assert!(jwk(changed(x5c, json!({ "kty": "RSA" }))).is_none(), "of another kind");
        }
        // Those that docker and Entra publish beside the numbers of the same keys.
        for set in [include_str!("../tests/jwks/docker.json"), include_str!("../tests/jwks/entra-common.json")] {
            let set: Value = serde_json::from_str(set).expect("JSON");
            for whole in set["jwks"]["keys"].as_array().expect("keys") {
                let mut bare = whole.clone();
                let members = bare.as_object_mut().expect("a key");
                members.remove("n");
                members.remove("e");
                let numbers = |key: Value| match jwk(key).expect("a key").material {
                    Material::Rsa(_, key) => (key.n, key.e),
                    Material::Shared(_) | Material::Curve(..) | Material::Edwards(_) => panic!("not RSA"),
                };
                assert_eq!(numbers(bare.clone()), numbers(whole.clone()));
                for broken in [json!([]), json!(["AA"]), json!("AA"), json!([1]), json!(null)] {
                    assert!(jwk(changed(bare.clone(), json!({ "x5c": broken }))).is_none(), "{broken}");
                }
            }
        }
        for bad in ["", RSA_PUBLIC, "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"] {
            assert!(Public::from_certificate(bad).is_none(), "{bad}");
        }
    }
}
