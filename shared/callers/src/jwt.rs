//! Bearer tokens: JWTs, verified with the keys of the secret's `jwt` object and those that its issuer publishes.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use domain::{CauseCode, Failure};
use secrecy::ExposeSecret;
use secrets::{JwtKeySecret, JwtSecret};
use serde::Deserialize as _;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::claims::{Bearer, Expected};
use crate::jwks::Jwks;
use crate::key::{Jwk, Key};
use crate::now::Now;
use crate::token::{Refused, Token};

/// What `max_lifetime_seconds` may be: a minute to a week. A bearer token cannot be revoked, so there is always a cap.
const LIFETIMES: RangeInclusive<u64> = 60..=604_800;

/// The key, if it is valid and of its algorithm.
fn key(secret: JwtKeySecret) -> Option<Key> {
    let alg = Algorithm::named(&secret.alg)?;
    let key = match (secret.secret, secret.public_key_pem, secret.jwk) {
        (Some(shared), None, None) => Key::from_secret(secret.kid, shared.expose_secret().as_bytes()),
        (None, Some(pem), None) => Key::from_pem(secret.kid, &pem),
        (None, None, Some(jwk)) => {
            let mut jwk: Jwk = serde_json::from_value(jwk).ok()?;
            // The `kid` may be given here, in the JWK, or in both. If it is given twice, both must be the same.
            let agree = secret.kid.is_none() || jwk.kid.is_none() || secret.kid == jwk.kid;
            jwk.kid = secret.kid.or(jwk.kid);
            Key::from_jwk(&jwk).filter(|_| agree)
        }
        _ => None,
    };
    key.filter(|key| key.alg() == alg)
}

/// Why the `jwt` object cannot be used. The text contains no value of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it is not of the documented shape")]
    Shape,
    #[error("issuer, audience or role_claim is empty")]
    Empty,
    #[error("keys[{0}] has another algorithm than HS256, RS256 and ES256, or is not a key of its algorithm")]
    Key(usize),
    #[error("jwks_url is not an https URL")]
    JwksUrl,
    #[error("max_lifetime_seconds is not from 60 to 604800")]
    Lifetime,
}

impl Malformed {
    /// This as a failure.
    pub fn failure(self) -> Failure {
        Failure::with_detail(CauseCode::CallersJwtMalformed, self.to_string())
    }
}

/// Verifies tokens of one issuer.
pub(crate) struct Jwt {
    expected: Expected,
    keys: Vec<Key>,
    jwks: Option<Arc<Jwks>>,
}

impl Jwt {
    /// Parses the object. If it names the same URL as `before`, the keys fetched from there are kept.
    pub fn parse(value: &Value, before: Option<&Self>) -> Result<Self, Malformed> {
        let secret = JwtSecret::deserialize(value).map_err(|_| Malformed::Shape)?;
        if !LIFETIMES.contains(&secret.max_lifetime_seconds) {
            return Err(Malformed::Lifetime);
        }
        if [&secret.issuer, &secret.audience, &secret.role_claim].iter().any(|text| text.is_empty()) {
            return Err(Malformed::Empty);
        }
        let keys = secret.keys.into_iter().enumerate();
        let keys = keys.map(|(index, key)| self::key(key).ok_or(Malformed::Key(index))).collect::<Result<_, _>>()?;
        let before = before.and_then(|before| before.jwks.as_ref());
        let jwks = secret.jwks_url.map(|url| match before {
            Some(jwks) if jwks.is_at(&url) => Ok(Arc::clone(jwks)),
            _ => Jwks::new(&url).map(Arc::new).ok_or(Malformed::JwksUrl),
        });
        let expected = Expected {
            issuer: secret.issuer,
            audience: secret.audience,
            role_claim: secret.role_claim,
            max_lifetime: Duration::from_secs(secret.max_lifetime_seconds),
        };
        Ok(Self { expected, keys, jwks: jwks.transpose()? })
    }

    /// The caller that the token is about, or why it is refused. A failure means that the needed keys could not be
    /// fetched.
    pub async fn verify(&self, token: &Token<'_>, now: Now) -> Result<Result<Bearer, Refused>, Failure> {
        // The claims are checked before the signature, so that no keys are fetched for a token that is refused anyway.
        let bearer = match self.expected.bearer(&token.claims, now) {
            Ok(bearer) => bearer,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut signed = signed_by_one_of(&self.keys, token);
        // A shared secret is never published.
        if let (Err(_), Some(jwks), Algorithm::Rs256 | Algorithm::Es256) = (signed, &self.jwks, token.alg) {
            signed = signed_by_one_of(&jwks.keys(token.kid.as_deref(), now).await?, token);
        }
        Ok(signed.map(|()| bearer))
    }
}

/// Only keys with the token's `kid` and algorithm are tried. The token may choose a key, but not how the key is used.
fn signed_by_one_of(keys: &[Key], token: &Token<'_>) -> Result<(), Refused> {
    let mut outcome = Err(Refused::NoKey);
    for key in keys.iter().filter(|key| key.is_named(token.kid.as_deref()) && key.alg() == token.alg) {
        if key.made(token) {
            return Ok(());
        }
        outcome = Err(Refused::Signature);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::json;

    use super::*;
    use crate::fixtures::{Es256, NOW, RSA_PUBLIC, SECRET, Server, bearer, claims, encode, hs256, now, rs256, rsa_jwk};

    /// The outcome of a verification. A failure is shown by its code.
    type Outcome = Result<Result<Bearer, Refused>, CauseCode>;

    const NOBODY: Outcome = Ok(Err(Refused::NoKey));
    const FORGED: Outcome = Ok(Err(Refused::Signature));
    /// The subject of the usual claims.
    static SUBJECT: LazyLock<Outcome> = LazyLock::new(|| {
        Ok(Ok(Bearer {
            issuer: "issuer".to_owned(),
            subject: "subject".to_owned(),
            tenant: None,
            roles: vec!["admin".to_owned()],
        }))
    });

    fn secret(keys: &Value, jwks_url: Option<&str>) -> Value {
        json!({ "issuer": "issuer", "audience": "audience", "role_claim": "role", "keys": keys, "jwks_url": jwks_url })
    }

    fn jwt(keys: &Value, jwks_url: Option<&str>) -> Jwt {
        Jwt::parse(&secret(keys, jwks_url), None).unwrap_or_else(|malformed| panic!("{malformed}"))
    }

    fn malformed(value: &Value) -> Option<Malformed> {
        Jwt::parse(value, None).err()
    }

    /// The outcome for the usual claims under this header.
    async fn verify(jwt: &Jwt, header: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Outcome {
        ask(jwt, &bearer(&header, &claims(json!({})), sign)).await
    }

    async fn ask(jwt: &Jwt, header: &str) -> Outcome {
        let token = Token::from_header(header).expect("a token");
        jwt.verify(&token, now()).await.map_err(|failure| failure.code())
    }

    #[tokio::test]
    async fn every_algorithm_and_form_of_key_works() {
        let es256 = Es256::new();
        let jwt = jwt(
            &json!([
                { "kid": null, "alg": "HS256", "secret": SECRET },
                { "kid": "h", "alg": "HS256", "secret": SECRET },
                { "kid": "r", "alg": "RS256", "public_key_pem": RSA_PUBLIC },
                { "kid": "e", "alg": "ES256", "public_key_pem": es256.pem() },
                { "kid": "rj", "alg": "RS256", "jwk": rsa_jwk(None) },
                { "alg": "ES256", "jwk": es256.jwk(Some("ej")) },
            ]),
            None,
        );
        assert_eq!(verify(&jwt, json!({ "alg": "HS256" }), hs256(SECRET)).await, *SUBJECT);
        assert_eq!(verify(&jwt, json!({ "alg": "HS256", "kid": "h" }), hs256(SECRET)).await, *SUBJECT);
        for kid in ["r", "rj"] {
            assert_eq!(verify(&jwt, json!({ "alg": "RS256", "kid": kid }), rs256).await, *SUBJECT, "{kid}");
        }
        for kid in ["e", "ej"] {
            let header = json!({ "alg": "ES256", "kid": kid });
            assert_eq!(verify(&jwt, header, |signed| es256.sign(signed)).await, *SUBJECT, "{kid}");
        }
    }

    #[tokio::test]
    async fn a_public_key_is_not_accepted_as_a_shared_secret() {
        let es256 = Es256::new();
        let jwt = jwt(
            &json!([
                { "kid": "k", "alg": "RS256", "public_key_pem": RSA_PUBLIC },
                { "kid": "k", "alg": "ES256", "public_key_pem": es256.pem() },
            ]),
            None,
        );
        let der = |pem: &str| spki::Document::from_pem(pem).expect("PEM").1.as_bytes().to_vec();
        let (rsa, ec) = (RSA_PUBLIC.to_owned(), es256.pem());
        let texts = [rsa.trim_end(), &rsa, ec.trim_end(), &ec].map(|pem| pem.as_bytes().to_vec());
        for secret in texts.into_iter().chain([der(&rsa), der(&ec), rsa_jwk(None)["n"].to_string().into_bytes()]) {
            for alg in ["HS256", "RS256", "ES256"] {
                let answer = verify(&jwt, json!({ "alg": alg, "kid": "k" }), hs256(&secret)).await;
                assert_eq!(answer, if alg == "HS256" { NOBODY } else { FORGED });
            }
        }
    }

    #[tokio::test]
    async fn the_key_decides_the_algorithm_and_not_the_token() {
        let es256 = Es256::new();
        let jwt = jwt(&json!([{ "kid": "k", "alg": "RS256", "public_key_pem": RSA_PUBLIC }]), None);
        assert_eq!(verify(&jwt, json!({ "alg": "RS256", "kid": "k" }), rs256).await, *SUBJECT);
        assert_eq!(verify(&jwt, json!({ "alg": "ES256", "kid": "k" }), |signed| es256.sign(signed)).await, NOBODY);
        assert_eq!(verify(&jwt, json!({ "alg": "RS256", "kid": "k" }), |signed| es256.sign(signed)).await, FORGED);
        // A good signature with another algorithm's name is not accepted.
        assert_eq!(verify(&jwt, json!({ "alg": "ES256", "kid": "k" }), rs256).await, NOBODY);
        assert_eq!(verify(&jwt, json!({ "alg": "HS256", "kid": "k" }), rs256).await, NOBODY);
    }

    #[tokio::test]
    async fn the_kid_decides_which_keys_are_tried() {
        let named = jwt(&json!([{ "kid": "k", "alg": "HS256", "secret": SECRET }]), None);
        let unnamed = jwt(&json!([{ "alg": "HS256", "secret": SECRET }]), None);
        for (jwt, kid, answer) in [
            (&named, json!({ "alg": "HS256", "kid": "k" }), SUBJECT.clone()),
            (&named, json!({ "alg": "HS256", "kid": "K" }), NOBODY),
            (&named, json!({ "alg": "HS256", "kid": "" }), NOBODY),
            (&named, json!({ "alg": "HS256" }), NOBODY),
            (&unnamed, json!({ "alg": "HS256" }), SUBJECT.clone()),
            (&unnamed, json!({ "alg": "HS256", "kid": "" }), NOBODY),
            (&unnamed, json!({ "alg": "HS256", "kid": "k" }), NOBODY),
        ] {
            assert_eq!(verify(jwt, kid.clone(), hs256(SECRET)).await, answer, "{kid}");
        }
    }

    #[tokio::test]
    async fn keys_in_a_token_are_ignored() {
        let (ours, theirs) = (Es256::new(), Es256::new());
        let server = Server::start(200, json!({ "keys": [theirs.jwk(Some("k"))] })).await;
        let jwt = jwt(&json!([{ "kid": "k", "alg": "ES256", "jwk": ours.jwk(None) }]), None);
        let header = json!({ "alg": "ES256", "kid": "k", "jwk": theirs.jwk(Some("k")), "jku": server.url().as_str() });
        assert_eq!(verify(&jwt, header, |signed| theirs.sign(signed)).await, FORGED);
        assert_eq!(server.requests(), 0);
    }

    #[tokio::test]
    async fn nothing_signed_can_be_changed() {
        let es256 = Es256::new();
        let jwt = jwt(
            &json!([
                { "alg": "HS256", "secret": SECRET },
                { "alg": "RS256", "public_key_pem": RSA_PUBLIC },
                { "alg": "ES256", "public_key_pem": es256.pem() },
            ]),
            None,
        );
        let tokens = [
            bearer(&json!({ "alg": "HS256" }), &claims(json!({ "role": "user" })), hs256(SECRET)),
            bearer(&json!({ "alg": "RS256" }), &claims(json!({ "role": "user" })), rs256),
            bearer(&json!({ "alg": "ES256" }), &claims(json!({ "role": "user" })), |signed| es256.sign(signed)),
        ];
        for token in tokens {
            assert_eq!(ask(&jwt, &token).await.expect("found out").expect("good").roles, ["user"]);
            let parts: Vec<&str> = token.split('.').collect();
            let admin = encode(claims(json!({})).to_string());
            assert_eq!(ask(&jwt, &format!("{}.{admin}.{}", parts[0], parts[2])).await, FORGED);
            let header = token[7..].split('.').next().expect("a header");
            let spaced = [&b" "[..], &base64(header)].concat();
            assert_eq!(ask(&jwt, &format!("Bearer {}.{}.{}", encode(spaced), parts[1], parts[2])).await, FORGED);
            let mut signature = base64(parts[2]);
            signature[10] ^= 1;
            assert_eq!(ask(&jwt, &format!("{}.{}.{}", parts[0], parts[1], encode(&signature))).await, FORGED);
            assert_eq!(ask(&jwt, &format!("{}.{}.", parts[0], parts[1])).await, FORGED);
        }
    }

    fn base64(part: &str) -> Vec<u8> {
        use base64::Engine as _;
        base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url")
    }

    #[tokio::test]
    async fn each_key_of_one_kid_is_tried() {
        let (one, other) = (Es256::new(), Es256::new());
        let published = [Es256::new(), Es256::new()];
        let server = Server::start(200, json!({ "keys": published.each_ref().map(|key| key.jwk(Some("k"))) })).await;
        let configured = [&one, &other].map(|key| json!({ "kid": "k", "alg": "ES256", "jwk": key.jwk(None) }));
        let jwt = jwt(&json!(configured), Some(server.url().as_str()));
        for key in [&one, &other, &published[0], &published[1]] {
            assert_eq!(verify(&jwt, json!({ "alg": "ES256", "kid": "k" }), |signed| key.sign(signed)).await, *SUBJECT);
        }
        let stranger = Es256::new();
        assert_eq!(verify(&jwt, json!({ "alg": "ES256", "kid": "k" }), |it| stranger.sign(it)).await, FORGED);
        assert_eq!(server.requests(), 1);
    }

    #[tokio::test]
    async fn published_keys_are_fetched_when_a_token_needs_them() {
        let es256 = Es256::new();
        let server = Server::start(200, json!({ "keys": [es256.jwk(Some("e")), rsa_jwk(Some("r"))] })).await;
        let url = server.url();
        let jwt = jwt(&json!([{ "alg": "HS256", "secret": SECRET }]), Some(url.as_str()));
        let header = json!({ "alg": "ES256", "kid": "e" });
        // Tokens of a configured key, tokens that no published key can have signed, and tokens with bad claims.
        assert_eq!(verify(&jwt, json!({ "alg": "HS256" }), hs256(SECRET)).await, *SUBJECT);
        assert_eq!(verify(&jwt, json!({ "alg": "HS256", "kid": "e" }), hs256(SECRET)).await, NOBODY);
        let expired = bearer(&header, &claims(json!({ "exp": 1 })), |signed| es256.sign(signed));
        assert_eq!(ask(&jwt, &expired).await, Ok(Err(Refused::Expired)));
        assert_eq!(server.requests(), 0);
        assert_eq!(verify(&jwt, header, |signed| es256.sign(signed)).await, *SUBJECT);
        assert_eq!(verify(&jwt, json!({ "alg": "RS256", "kid": "r" }), rs256).await, *SUBJECT);
        assert_eq!(verify(&jwt, json!({ "alg": "RS256", "kid": "e" }), rs256).await, NOBODY);
        assert_eq!(verify(&jwt, json!({ "alg": "RS256" }), rs256).await, NOBODY);
        assert_eq!(server.requests(), 1);
    }

    #[tokio::test]
    async fn keys_that_cannot_be_fetched_are_a_failure() {
        let es256 = Es256::new();
        let jwt = jwt(&json!([{ "alg": "HS256", "secret": SECRET }]), Some(Server::nowhere().await.as_str()));
        let answer = verify(&jwt, json!({ "alg": "ES256", "kid": "e" }), |signed| es256.sign(signed)).await;
        assert_eq!(answer, Err(CauseCode::JwksUnreachable));
        assert_eq!(verify(&jwt, json!({ "alg": "HS256" }), hs256(SECRET)).await, *SUBJECT);
    }

    #[tokio::test]
    async fn published_keys_are_kept_while_their_url_is_the_same() {
        let es256 = Es256::new();
        let document = json!({ "keys": [es256.jwk(Some("e"))] });
        let (one, other) = (Server::start(200, &document).await, Server::start(200, &document).await);
        let (one_url, other_url) = (one.url(), other.url());
        let mut before: Option<Jwt> = None;
        for (url, requests) in [(&one_url, (1, 0)), (&one_url, (1, 0)), (&other_url, (1, 1)), (&one_url, (2, 1))] {
            let jwt = Jwt::parse(&secret(&json!([]), Some(url.as_str())), before.as_ref()).unwrap_or_else(|_| panic!());
            let header = json!({ "alg": "ES256", "kid": "e" });
            assert_eq!(verify(&jwt, header, |signed| es256.sign(signed)).await, *SUBJECT);
            assert_eq!((one.requests(), other.requests()), requests);
            before = Some(jwt);
        }
        let without = Jwt::parse(&secret(&json!([]), None), before.as_ref()).unwrap_or_else(|_| panic!());
        assert_eq!(verify(&without, json!({ "alg": "ES256", "kid": "e" }), |it| es256.sign(it)).await, NOBODY);
    }

    #[tokio::test]
    async fn the_role_claim_is_role_unless_named() {
        let mut value = secret(&json!([{ "alg": "HS256", "secret": SECRET }]), None);
        let token = bearer(&json!({ "alg": "HS256" }), &claims(json!({ "roles": ["a", "b"] })), hs256(SECRET));
        value.as_object_mut().expect("an object").remove("role_claim");
        for (role_claim, roles) in [(None, vec!["admin"]), (Some("roles"), vec!["a", "b"]), (Some("groups"), vec![])] {
            if let Some(role_claim) = role_claim {
                value["role_claim"] = json!(role_claim);
            }
            let jwt = Jwt::parse(&value, None).unwrap_or_else(|_| panic!());
            assert_eq!(ask(&jwt, &token).await.expect("found out").expect("good").roles, roles);
        }
    }

    #[tokio::test]
    async fn a_token_lives_a_day_at_most_unless_another_time_is_given() {
        let mut value = secret(&json!([{ "alg": "HS256", "secret": SECRET }]), None);
        for (longest, seconds) in [(None, 86_400), (Some(60), 60), (Some(604_800), 604_800)] {
            if let Some(longest) = longest {
                value["max_lifetime_seconds"] = json!(longest);
            }
            let jwt = Jwt::parse(&value, None).unwrap_or_else(|_| panic!());
            let of = |lifetime: u64| claims(json!({ "iat": NOW, "exp": NOW + lifetime }));
            let sent = |lifetime| bearer(&json!({ "alg": "HS256" }), &of(lifetime), hs256(SECRET));
            assert_eq!(ask(&jwt, &sent(seconds)).await, *SUBJECT);
            assert_eq!(ask(&jwt, &sent(seconds + 1)).await, Ok(Err(Refused::Lifetime)));
        }
    }

    #[test]
    fn a_key_must_fit_its_algorithm() {
        let es256 = Es256::new();
        let with = |key: Value| malformed(&secret(&json!([{ "alg": "HS256", "secret": SECRET }, key]), None));
        assert_eq!(with(json!({ "kid": "k", "alg": "ES256", "jwk": es256.jwk(Some("k")) })), None);
        for key in [
            json!({ "alg": "HS512", "secret": SECRET }),
            json!({ "alg": "none", "secret": SECRET }),
            json!({ "alg": "hs256", "secret": SECRET }),
            json!({ "alg": "HS256", "secret": &SECRET[1..] }),
            json!({ "alg": "HS256", "secret": "" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "RS256", "secret": SECRET }),
            json!({ "alg": "HS256", "public_key_pem": RSA_PUBLIC }),
            json!({ "alg": "ES256", "public_key_pem": RSA_PUBLIC }),
            json!({ "alg": "RS256", "public_key_pem": es256.pem() }),
            json!({ "alg": "RS256", "public_key_pem": "-----BEGIN PUBLIC KEY-----" }),
            json!({ "alg": "RS256", "jwk": es256.jwk(None) }),
            json!({ "alg": "ES256", "jwk": rsa_jwk(None) }),
            json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "A".repeat(64) } }),
            json!({ "alg": "RS256", "public_key_pem": RSA_PUBLIC, "jwk": rsa_jwk(None) }),
            json!({ "alg": "HS256", "secret": SECRET, "public_key_pem": RSA_PUBLIC }),
            json!({ "kid": "k", "alg": "ES256", "jwk": es256.jwk(Some("another")) }),
        ] {
            assert_eq!(with(key.clone()), Some(Malformed::Key(1)), "{key}");
        }
    }

    #[test]
    fn an_object_of_another_shape_is_malformed() {
        let changed = |changes: Value| {
            let mut value = secret(&json!([]), None);
            value.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
            malformed(&value)
        };
        assert_eq!(changed(json!({ "jwks_url": "https://issuer.example/jwks", "more": 1 })), None);
        for (changes, why) in [
            (json!({ "issuer": null }), Malformed::Shape),
            (json!({ "issuer": ["issuer"] }), Malformed::Shape),
            (json!({ "audience": 1 }), Malformed::Shape),
            (json!({ "role_claim": null }), Malformed::Shape),
            (json!({ "keys": {} }), Malformed::Shape),
            (json!({ "keys": [{ "secret": SECRET }] }), Malformed::Shape),
            (json!({ "issuer": "" }), Malformed::Empty),
            (json!({ "audience": "" }), Malformed::Empty),
            (json!({ "role_claim": "" }), Malformed::Empty),
            (json!({ "jwks_url": "http://issuer.example/jwks" }), Malformed::JwksUrl),
            (json!({ "jwks_url": "" }), Malformed::JwksUrl),
            (json!({ "max_lifetime_seconds": 59 }), Malformed::Lifetime),
            (json!({ "max_lifetime_seconds": 604_801 }), Malformed::Lifetime),
            (json!({ "max_lifetime_seconds": null }), Malformed::Shape),
            (json!({ "max_lifetime_seconds": -1 }), Malformed::Shape),
        ] {
            assert_eq!(changed(changes.clone()), Some(why), "{changes}");
        }
        for value in [json!([]), json!("jwt"), json!({}), json!(false)] {
            assert_eq!(malformed(&value), Some(Malformed::Shape), "{value}");
        }
    }
}
