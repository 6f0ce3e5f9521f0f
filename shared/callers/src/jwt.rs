//! Bearer tokens: JWTs, verified with the keys of the secret's `jwt` object and those that its issuers publish.

use std::sync::Arc;

use domain::{CauseCode, Failure};
use serde_json::Value;
use tokens::{Bearer, Issuer, Issuers, Malformed, Now, Refusal, Rule, Token};

use crate::Refused;
use crate::jwks::Jwks;

/// Verifies tokens of the configured issuers.
pub(crate) struct Jwt {
    issuers: Issuers,
    /// Of each entry that can be used, in their order.
    published: Vec<Option<Arc<Jwks>>>,
}

/// The first mistake as a failure.
fn failure(malformed: &Malformed) -> Failure {
    Failure::with_detail(CauseCode::CallersJwtMalformed, malformed.to_string())
}

impl Jwt {
    /// Reads the object. An entry that publishes its keys where the same one did `before` keeps those that were fetched.
    pub fn parse(value: &Value, before: Option<&Self>) -> Result<Self, Failure> {
        let issuers = Issuers::parse(value);
        // At the first use, and when it changes: not with every reading of the secret.
        if !before.is_some_and(|before| before.issuers.mistakes().eq(issuers.mistakes())) {
            for mistake in issuers.mistakes() {
                let code = CauseCode::CallersJwtMalformed.as_str();
                tracing::error!(code, %mistake, "an issuer in control/callers cannot be used");
            }
        }
        let published = issuers.usable().map(|issuer| {
            let Some(published) = issuer.published() else { return Ok(None) };
            let known = before.and_then(|before| before.published_by(issuer)).filter(|it| it.published() == published);
            known.map_or_else(|| Jwks::new(published.clone()).map(Arc::new), Ok).map(Some)
        });
        let published = published.collect::<Result<_, _>>()?;
        Ok(Self { issuers, published })
    }

    /// What was fetched of the entry for the same issuers.
    fn published_by(&self, issuer: &Issuer) -> Option<Arc<Jwks>> {
        let position = self.issuers.usable().position(|known| known.names().eq(issuer.names()))?;
        self.published.get(position)?.clone()
    }

    /// The caller that the token is about, or why it is refused. A failure means that the needed keys could not be
    /// fetched, or that there is a mistake in the configuration, so that nobody knows whether the issuer is one of ours.
    pub async fn verify(&self, token: &Token<'_>, now: Now) -> Result<Result<Bearer, Refused>, Failure> {
        let position = match self.issuers.find(token).map_err(failure)? {
            Ok(position) => position,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let found = self.issuers.usable().zip(&self.published).nth(position);
        let Some((issuer, published)) = found else { return Ok(Err(Refusal::from(Rule::Issuer).into())) };
        let jwks = published.as_ref().filter(|_| !token.alg().is_shared());
        let fresh = jwks.and_then(|jwks| jwks.fresh(now));
        let first = issuer.verify(token, fresh.as_deref().unwrap_or_default(), now);
        let (Some(jwks), Err(refusal)) = (jwks, &first) else { return Ok(first.map_err(Refused::from)) };
        match (refusal.rule, &refusal.seen) {
            // Who made it decides nothing any more, and it is what most refused tokens are.
            (Rule::Expired | Rule::TooLong, _) | (_, Some(_)) => Ok(first.map_err(Refused::from)),
            (Rule::NoKey | Rule::Signature, None) => {
                let keys = jwks.renewed(now).await?;
                match issuer.verify(token, &keys, now) {
                    Err(refusal) => Ok(Err(Refused { asked_again_in: Some(jwks.asked_again_in(now).await), refusal })),
                    good => Ok(good.map_err(Refused::from)),
                }
            }
            // Refused anyway. If it is the issuer's, the log can say what is in it.
            (_, None) => match jwks.renewed(now).await {
                Ok(keys) => Ok(issuer.verify(token, &keys, now).map_err(Refused::from)),
                Err(_) => Ok(first.map_err(Refused::from)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::Duration;

    use serde_json::json;
    use test_tokens::{Es256, NOW, RSA_PUBLIC, SECRET, bearer, claims, encode, hs256, rs256, rsa_jwk};

    use super::*;
    use crate::fixtures::{Server, now};

    /// The outcome of a verification. A failure is shown by its code, a refusal by the rule.
    type Outcome = Result<Result<Bearer, Rule>, CauseCode>;

    const NOBODY: Outcome = Ok(Err(Rule::NoKey));
    const FORGED: Outcome = Ok(Err(Rule::Signature));
    /// The subject of the usual claims.
    static SUBJECT: LazyLock<Outcome> = LazyLock::new(|| {
        Ok(Ok(Bearer {
            issuer: "issuer".to_owned(),
            subject: "subject".to_owned(),
            tenant: None,
            roles: vec!["admin".to_owned()],
            expires: NOW + 60,
        }))
    });

    fn secret(keys: &Value, jwks_url: Option<&str>) -> Value {
        json!({ "issuer": "issuer", "audience": "audience", "role_claim": "role", "keys": keys, "jwks_url": jwks_url })
    }

    fn jwt(keys: &Value, jwks_url: Option<&str>) -> Jwt {
        of(&secret(keys, jwks_url), None)
    }

    fn of(value: &Value, before: Option<&Jwt>) -> Jwt {
        let jwt = Jwt::parse(value, before).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(jwt.issuers.mistakes().next(), None);
        jwt
    }

    /// The outcome for the usual claims under this header.
    async fn verify(jwt: &Jwt, header: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Outcome {
        ask(jwt, &bearer(&header, &claims(json!({})), sign)).await
    }

    async fn ask(jwt: &Jwt, header: &str) -> Outcome {
        let token = Token::from_header(header).expect("a token");
        let outcome = jwt.verify(&token, now()).await.map_err(|failure| failure.code())?;
        Ok(outcome.map_err(|refused| refused.refusal.rule))
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
            (&named, json!({ "alg": "HS256" }), SUBJECT.clone()),
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
            bearer(&json!({ "alg": "HS256" }), &claims(json!({ "role": "auditor" })), hs256(SECRET)),
            bearer(&json!({ "alg": "RS256" }), &claims(json!({ "role": "auditor" })), rs256),
            bearer(&json!({ "alg": "ES256" }), &claims(json!({ "role": "auditor" })), |signed| es256.sign(signed)),
        ];
        for token in tokens {
            assert_eq!(ask(&jwt, &token).await.expect("found out").expect("good").roles, ["auditor"]);
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
        assert_eq!(ask(&jwt, &expired).await, Ok(Err(Rule::Expired)));
        assert_eq!(server.requests(), 0);
        assert_eq!(verify(&jwt, header, |signed| es256.sign(signed)).await, *SUBJECT);
        assert_eq!(verify(&jwt, json!({ "alg": "RS256", "kid": "r" }), rs256).await, *SUBJECT);
        assert_eq!(verify(&jwt, json!({ "alg": "RS256", "kid": "e" }), rs256).await, NOBODY);
        // A token without `kid` is tried with every key of its algorithm.
        assert_eq!(verify(&jwt, json!({ "alg": "RS256" }), rs256).await, *SUBJECT);
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
            let jwt = of(&secret(&json!([]), Some(url.as_str())), before.as_ref());
            let header = json!({ "alg": "ES256", "kid": "e" });
            assert_eq!(verify(&jwt, header, |signed| es256.sign(signed)).await, *SUBJECT);
            assert_eq!((one.requests(), other.requests()), requests);
            before = Some(jwt);
        }
        let without = of(&secret(&json!([{ "alg": "HS256", "secret": SECRET }]), None), before.as_ref());
        assert_eq!(verify(&without, json!({ "alg": "ES256", "kid": "e" }), |it| es256.sign(it)).await, NOBODY);
    }

    #[tokio::test]
    async fn the_role_claim_is_role_unless_named() {
        let mut value = secret(&json!([{ "alg": "HS256", "secret": SECRET }]), None);
        let token =
            bearer(&json!({ "alg": "HS256" }), &claims(json!({ "roles": ["tenant", "auditor"] })), hs256(SECRET));
        value.as_object_mut().expect("an object").remove("role_claim");
        for (role_claim, roles) in
            [(None, vec!["admin"]), (Some("roles"), vec!["tenant", "auditor"]), (Some("groups"), vec![])]
        {
            if let Some(role_claim) = role_claim {
                value["role_claim"] = json!(role_claim);
            }
            let jwt = of(&value, None);
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
            let jwt = of(&value, None);
            let of = |lifetime: u64| claims(json!({ "iat": NOW, "exp": NOW + lifetime }));
            let sent = |lifetime| bearer(&json!({ "alg": "HS256" }), &of(lifetime), hs256(SECRET));
            assert_eq!(ask(&jwt, &sent(seconds)).await.expect("found out").expect("good").expires, NOW + seconds);
            assert_eq!(ask(&jwt, &sent(seconds + 1)).await, Ok(Err(Rule::Lifetime)));
        }
    }

    /// An entry of a list.
    fn entry(issuer: &Value, changes: Value) -> Value {
        let mut entry = json!({ "issuer": issuer, "audience": "audience" });
        let Value::Object(changes) = changes else { unreachable!("changes are an object") };
        entry.as_object_mut().expect("an object").extend(changes);
        entry
    }

    #[tokio::test]
    async fn entries_share_neither_keys_nor_roles_nor_tenants() {
        const ID: &str = "01900000-0000-7000-8000-00000000000a";
        let (one, other) = (Es256::new(), Es256::new());
        let server = Server::start(200, json!({ "keys": [other.jwk(Some("k"))] })).await;
        let jwt = of(
            &json!({ "issuers": [
                entry(&json!("https://one/"), json!({ "keys": [{ "alg": "ES256", "jwk": one.jwk(Some("k")) }], "tenant_claim": "sub" })),
                entry(&json!(["https://other/", "other"]), json!({ "jwks_url": server.url().as_str(), "role_claim": "groups" })),
            ] }),
            None,
        );
        let header = json!({ "alg": "ES256", "kid": "k" });
        let of_issuer =
            |iss: &str| claims(json!({ "iss": iss, "sub": ID, "role": ["tenant", "admin"], "groups": "tenant" }));
        for (iss, key, expected) in [
            ("https://one/", &one, Ok((true, 2))),
            ("https://other/", &other, Ok((false, 1))),
            ("other", &other, Ok((false, 1))),
            ("https://one/", &other, Err(Rule::Signature)),
            ("https://other/", &one, Err(Rule::Signature)),
            ("https://one", &one, Err(Rule::Issuer)),
            ("https://OTHER/", &other, Err(Rule::Issuer)),
        ] {
            let token = bearer(&header, &of_issuer(iss), |signed| key.sign(signed));
            let found = ask(&jwt, &token).await.expect("found out");
            assert_eq!(found.map(|bearer| (bearer.tenant.is_some(), bearer.roles.len())), expected, "{iss}");
        }
    }

    #[tokio::test]
    async fn a_mistake_in_an_entry_is_told_to_whom_it_concerns() {
        let good = entry(&json!("issuer"), json!({ "keys": [{ "alg": "HS256", "secret": SECRET }] }));
        let jwt = |bad: Value| Jwt::parse(&json!({ "issuers": [bad, good.clone()] }), None).expect("read");
        let header = json!({ "alg": "HS256" });
        for bad in [
            entry(&json!("typo"), json!({ "jwks_uri": "https://typo/" })),
            entry(&json!("none"), json!({})),
            entry(&json!(1), json!({})),
            json!("issuer"),
        ] {
            let jwt = jwt(bad);
            assert_eq!(verify(&jwt, header.clone(), hs256(SECRET)).await, *SUBJECT);
            let token = bearer(&header, &claims(json!({ "iss": "typo" })), hs256(SECRET));
            assert_eq!(ask(&jwt, &token).await, Err(CauseCode::CallersJwtMalformed));
        }
        let jwt = jwt(entry(&json!("typo"), json!({ "jwks_uri": "https://typo/" })));
        let token = bearer(&header, &claims(json!({ "iss": "typo" })), hs256(SECRET));
        let failure = jwt.verify(&Token::from_header(&token).expect("a token"), now()).await.expect_err("malformed");
        assert!(
            failure.hint().contains("jwt.issuers[0].jwks_uri is not a known field; did you mean jwks_url?"),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn a_key_for_any_kid_is_tried_whatever_the_token_says() {
        let jwt = jwt(&json!([{ "alg": "HS256", "secret": SECRET, "any_kid": true }]), None);
        for header in
            [json!({ "alg": "HS256" }), json!({ "alg": "HS256", "kid": "x" }), json!({ "alg": "HS256", "kid": "" })]
        {
            assert_eq!(verify(&jwt, header.clone(), hs256(SECRET)).await, *SUBJECT, "{header}");
            assert_eq!(verify(&jwt, header, hs256("another secret of 32 bytes or so")).await, FORGED);
        }
    }

    /// What the log gets of a refused token.
    async fn refused(jwt: &Jwt, header: Value, changes: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Refused {
        let token = bearer(&header, &claims(changes), sign);
        let token = Token::from_header(&token).expect("a token");
        jwt.verify(&token, now()).await.expect("found out").expect_err("refused")
    }

    #[tokio::test]
    async fn what_a_token_says_is_told_after_its_signature_holds_only() {
        let (ours, theirs) = (Es256::new(), Es256::new());
        let server = Server::start(200, json!({ "keys": [ours.jwk(Some("k"))] })).await;
        let jwt = jwt(&json!([]), Some(server.url().as_str()));
        let header = json!({ "alg": "ES256", "kid": "k" });
        let changes = json!({ "aud": ["hush", "x".repeat(300)] });
        let forged = refused(&jwt, header.clone(), changes.clone(), |signed| theirs.sign(signed)).await;
        assert_eq!((forged.refusal.rule, &forged.refusal.seen), (Rule::Audience, &None));
        assert_eq!(forged.refusal.expected, "audience in aud");
        let real = refused(&jwt, header.clone(), changes, |signed| ours.sign(signed)).await;
        let seen = real.refusal.seen.expect("it is the issuer's");
        assert_eq!(
            (real.refusal.rule, seen.iss.as_str(), seen.alg, seen.kid.as_str()),
            (Rule::Audience, "issuer", "ES256", "k")
        );
        assert!(seen.aud.starts_with("[\"hush\",\"xxx") && seen.aud.len() < 130, "{}", seen.aud);
        // A forged one: what was expected, and when the keys are looked at again.
        let forged =
            refused(&jwt, json!({ "alg": "ES256", "kid": "hush" }), json!({}), |signed| theirs.sign(signed)).await;
        assert_eq!((forged.refusal.rule, &forged.refusal.seen), (Rule::NoKey, &None));
        assert_eq!(forged.refusal.expected, "one of the keys ES256 k");
        assert_eq!(forged.asked_again_in, Some(Duration::from_secs(30)));
        let stranger = refused(&jwt, header, json!({ "iss": "hush" }), |signed| theirs.sign(signed)).await;
        assert_eq!((stranger.refusal.rule, stranger.refusal.expected.as_str()), (Rule::Issuer, "iss issuer"));
        assert_eq!(server.requests(), 1);
    }

    #[tokio::test]
    async fn a_key_that_replaced_another_under_its_name_is_found() {
        for header in [json!({ "alg": "ES256", "kid": "k" }), json!({ "alg": "ES256" })] {
            let (old, new) = (Es256::new(), Es256::new());
            let server = Server::start(200, json!({ "keys": [old.jwk(Some("k"))] })).await;
            let jwt = jwt(&json!([]), Some(server.url().as_str()));
            let is_good = async |seconds, key: &Es256| {
                let token = bearer(&header, &claims(json!({})), |signed| key.sign(signed));
                let (token, now) =
                    (Token::from_header(&token).expect("a token"), now().0 + Duration::from_secs(seconds));
                jwt.verify(&token, Now(now)).await.expect("found out").is_ok()
            };
            assert!(is_good(0, &old).await);
            server.answer(200, &json!({ "keys": [new.jwk(Some("k"))] }));
            assert!(!is_good(29, &new).await, "{header}");
            assert!(is_good(30, &new).await, "{header}");
        }
    }
}
