//! Keys, each bound to one algorithm, and the signatures they verify.
//!
//! ring is called directly. `jsonwebtoken` without its providers would need a provider of ours for the same three
//! calls. It also takes no clock, and is less strict about keys.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use spki::der::asn1::{AnyRef, UintRef};
use spki::der::{Decode as _, DecodePem as _};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};

use crate::algorithm::Algorithm;
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

/// A key, and which tokens it verifies.
pub(crate) struct Key {
    kid: Option<String>,
    material: Material,
}

/// One variant per algorithm, so that no key can be used with another algorithm.
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

    /// A public key as JWK (RFC 7517), RSA or P-256. `None` for any other key, and for one that is not for signatures.
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

    /// Its algorithm.
    pub fn alg(&self) -> Algorithm {
        match self.material {
            Material::Hs256(_) => Algorithm::Hs256,
            Material::Rs256(_) => Algorithm::Rs256,
            Material::Es256(_) => Algorithm::Es256,
        }
    }

    /// Whether it is the key for tokens with this `kid`. A token without one needs a key without one.
    pub fn is_named(&self, kid: Option<&str>) -> bool {
        self.kid.as_deref() == kid
    }

    /// Whether the key made the token's signature. The key decides the algorithm, not the token.
    pub fn made(&self, token: &Token<'_>) -> bool {
        let (signed, signature) = (token.signed, token.signature.as_slice());
        match &self.material {
            Material::Hs256(key) => hmac::verify(key, signed, signature),
            Material::Rs256(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature),
            // FIXED: r and s of 32 bytes each (RFC 7518, section 3.4), not their DER form.
            Material::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature),
        }
        .is_ok()
    }
}

/// The parts of a JWK that are read.
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

/// Both numbers are big-endian without leading zeros, as ring takes them. ring checks the exponent when it verifies.
fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Material> {
    let full = match n.first() {
        // The shortest modulus has its highest bit set; otherwise it would have 2047 bits.
        Some(first) if n.len() == *MODULUS.start() => *first >= 0x80,
        Some(first) => *first != 0 && MODULUS.contains(&n.len()),
        None => false,
    };
    full.then_some(Material::Rs256(RsaPublicKeyComponents { n, e }))
}

/// An uncompressed point: ring accepts no other form. ring checks that the point is on the curve when it verifies.
fn p256(point: Vec<u8>) -> Option<Material> {
    (point.len() == 1 + 2 * COORDINATE && point[0] == 4).then_some(Material::Es256(point))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{Es256, NOW, RSA_PRIVATE, RSA_PUBLIC, SECRET, bearer, hs256, rs256, rsa_jwk};

    fn jwk(value: Value) -> Option<Key> {
        Key::from_jwk(&serde_json::from_value(value).ok()?)
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
        let es256 = Es256::new();
        let point = encode_point(&es256);
        let keys = [
            Key::from_secret(None, SECRET.as_bytes()).expect("a key"),
            Key::from_pem(None, RSA_PUBLIC).expect("a key"),
            Key::from_pem(None, &es256.pem()).expect("a key"),
        ];
        assert_eq!(keys.each_ref().map(Key::alg), [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256]);
        for key in &keys {
            assert_eq!(made(key, hs256(SECRET)), key.alg() == Algorithm::Hs256);
            assert_eq!(made(key, rs256), key.alg() == Algorithm::Rs256);
            assert_eq!(made(key, |signed| es256.sign(signed)), key.alg() == Algorithm::Es256);
            assert!(!made(key, |signed| Es256::new().sign(signed)), "another key's");
            assert!(!made(key, hs256("another secret of 32 bytes or so")), "another key's");
            assert!(!made(key, hs256(&point)), "the public key is no secret");
            assert!(!made(key, |_| Vec::new()), "none");
            for length in [1, 32, 64, 256] {
                assert!(!made(key, |_| vec![0; length]), "zeros");
            }
        }
    }

    fn encode_point(key: &Es256) -> Vec<u8> {
        SubjectPublicKeyInfoOwned::from_pem(key.pem()).expect("PEM").subject_public_key.raw_bytes().to_vec()
    }

    #[test]
    fn an_es256_signature_is_two_numbers_and_not_their_der_form() {
        let es256 = Es256::new();
        let key = Key::from_pem(None, &es256.pem()).expect("a key");
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
    fn a_secret_has_32_bytes() {
        assert!(Key::from_secret(None, &[1; 32]).is_some());
        for secret in [&[1; 31][..], &[]] {
            assert!(Key::from_secret(None, secret).is_none());
        }
    }

    #[test]
    fn a_pem_holds_one_public_key_of_the_two_kinds() {
        for good in [RSA_PUBLIC, include_str!("../tests/p256.public.pem"), RSA_PUBLIC.trim_end()] {
            assert!(Key::from_pem(None, good).is_some(), "{good}");
            assert!(Key::from_pem(None, &good.replace('\n', "\r\n")).is_some(), "{good}");
        }
        for bad in [
            RSA_PRIVATE,
            include_str!("../tests/rsa-1024.public.pem"),
            include_str!("../tests/p384.public.pem"),
            &RSA_PUBLIC.replace("PUBLIC", "RSA PUBLIC"),
            &RSA_PUBLIC.replace("MIIB", "MIIC"),
            &RSA_PUBLIC.replace('\n', ""),
            "",
        ] {
            assert!(Key::from_pem(None, bad).is_none(), "{bad}");
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
                json!({ "alg": "RS512" }),
                json!({ "alg": "PS256" }),
                json!({ "alg": "ES384" }),
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
            (0x00, 257, false),
            (0xff, 1024, true),
            (0x01, 1025, false),
            (0xff, 128, false),
        ] {
            assert_eq!(with(number(first, length)), good, "{first:x} {length}");
        }
        for bad in
            [String::new(), "A".to_owned(), format!("{}=", number(0x80, 256)), format!("{}\n", number(0x80, 256))]
        {
            assert!(!with(bad.clone()), "{bad}");
        }
        // ring refuses the exponent when it verifies.
        for e in ["AQ", "Ag", "", "AAEAAQ", "AQABAQABAQAB"] {
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
}
