//! A bearer token, split into its parts. It is not verified yet.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;

/// Bytes of the longest token that is read. The gateway takes 10,240 bytes of headers.
const MAX_LENGTH: usize = 8 * 1024;

/// Why a token is refused. For the log only: the caller is not told why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No issuer is configured.
    NoIssuer,
    /// Not one `Bearer` token in the compact form (RFC 7515, section 7.1), or its JSON is not of the right shape.
    Malformed,
    /// Longer than 8 KiB.
    TooLong,
    /// Its header has `crit`, which names extensions. None is supported here.
    Critical,
    /// It is signed with another algorithm than ours, or not signed.
    Algorithm,
    /// No key has its `kid` and its algorithm.
    NoKey,
    /// No key with its `kid` and algorithm made its signature.
    Signature,
    /// `exp` is missing, or in the past.
    Expired,
    /// It is valid for longer than a token may be.
    Lifetime,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// `iss` is missing, or another issuer.
    Issuer,
    /// `aud` is missing, or names others only.
    Audience,
    /// `sub` is missing, or cannot be a subject.
    Subject,
}

/// A token in the compact form.
pub(crate) struct Token<'a> {
    pub alg: Algorithm,
    /// The key that made the signature, if the header names it.
    pub kid: Option<String>,
    pub claims: Map<String, Value>,
    /// The signed bytes: the encoded header and claims.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// The token of an `Authorization` field's value: a scheme in any case, one or more spaces, and one token68 (RFC 9110,
    /// sections 11.1 to 11.4; RFC 6750, section 2.1). White space around a field's value is not part of it (section 5.5).
    pub fn from_header(value: &'a str) -> Result<Self, Refused> {
        let (scheme, token) = value.trim_matches([' ', '\t']).split_once(' ').ok_or(Refused::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::Malformed);
        }
        let token = token.trim_start_matches(' ');
        if token.len() > MAX_LENGTH {
            return Err(Refused::TooLong);
        }
        // Anything else in the header (a second token, a parameter, line ends) is not base64url and is therefore refused.
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let header = object(header)?;
        if header.contains_key("crit") {
            return Err(Refused::Critical);
        }
        let alg = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named).ok_or(Refused::Algorithm)?;
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(Refused::Malformed)?.to_owned()),
        };
        Ok(Self { alg, kid, claims: object(claims)?, signed: signed.as_bytes(), signature: decode(signature)? })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Refused> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed)
}

fn object(part: &str) -> Result<Map<String, Value>, Refused> {
    serde_json::from_slice::<Unambiguous>(&decode(part)?).map(|object| object.0).map_err(|_| Refused::Malformed)
}

/// A JSON object without duplicate names. With a duplicate it would be unknown which value the issuer meant (RFC 7519,
/// section 4).
struct Unambiguous(Map<String, Value>);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Unambiguous;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unambiguous, A::Error> {
                let mut object = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if object.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name twice"));
                    }
                }
                Ok(Unambiguous(object))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::encode;

    fn refused(value: &str) -> Option<Refused> {
        Token::from_header(value).err()
    }

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", encode(header), encode(claims), encode("signature"))
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        let token = token(r#"{"alg":"HS256","kid":"k","typ":"JWT"}"#, r#"{"sub":"s"}"#);
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", " \t Bearer", "Bearer    "] {
            let value = format!("{scheme} {token}");
            let parsed = Token::from_header(&value).expect("a token");
            assert_eq!((parsed.alg, parsed.kid.as_deref()), (Algorithm::Hs256, Some("k")));
            assert_eq!((parsed.claims["sub"].as_str(), parsed.signature.as_slice()), (Some("s"), &b"signature"[..]));
            assert_eq!(parsed.signed, token.rsplit_once('.').expect("three parts").0.as_bytes());
        }
        for scheme in ["Basic", "Bearer:", "", "Bearer\u{a0}", "Token"] {
            assert_eq!(refused(&format!("{scheme} {token}")), Some(Refused::Malformed), "{scheme}");
        }
        assert_eq!(refused(&token), Some(Refused::Malformed));
    }

    #[test]
    fn a_header_holds_exactly_one_token_and_nothing_else() {
        let token = token(r#"{"alg":"HS256"}"#, "{}");
        for value in [
            format!("Bearer {token}"),
            format!("Bearer  {token}"),
            format!(" Bearer {token}"),
            format!("Bearer {token} "),
            format!("\tBearer {token} \t"),
        ] {
            assert_eq!(refused(&value), None, "{value:?}");
        }
        for value in [
            format!("Bearer\t{token}"),
            format!("Bearer \t{token}"),
            format!("Bearer\n{token}"),
            format!("Bearer\u{a0}{token}"),
            format!("Bearer\u{2003}{token}"),
            format!("Bearer {token}\u{a0}"),
            format!("Bearer{token}"),
            format!("Bearer={token}"),
            format!("Bearer token={token}"),
            format!("Bearer token=\"{token}\""),
            format!("Bearer realm=\"x\", token={token}"),
            format!("Bearer Bearer {token}"),
            format!("Basic YTpi, Bearer {token}"),
            format!("Bearer ,{token}"),
            format!("Bearer {token},"),
            format!("Bearer {token} ,"),
            format!("Bearer {token};"),
            format!("Bearer {token}="),
            format!("Bearer {token}\n"),
            format!("Bearer {token}\r\nX-Api-Key: k"),
            format!("Bearer {token}\0"),
            format!("Bearer {token} {token}"),
            format!("Bearer {token},{token}"),
            format!("Bearer {token}, Bearer {token}"),
            format!("Bearer \"{token}\""),
            format!("Bearer {}", token.replacen('.', ".\n", 1)),
            format!("Bearer {}", token.replacen('.', " .", 1)),
            "Bearer ".to_owned(),
            "Bearer".to_owned(),
            String::new(),
        ] {
            assert_eq!(refused(&value), Some(Refused::Malformed), "{value:?}");
        }
    }

    #[test]
    fn three_parts_of_strict_base64url() {
        let token = token(r#"{"alg":"HS256"}"#, "{}");
        let (signed, _) = token.rsplit_once('.').expect("three parts");
        for bad in [
            signed.to_owned(),
            format!("{token}."),
            format!("{token}.e30"),
            format!(".{token}"),
            format!("{token}="),
            // Bits beyond the last byte: another text of the same signature.
            format!("{signed}.AB"),
            format!("{signed}.A+/A"),
            "..".to_owned(),
        ] {
            assert_eq!(refused(&format!("Bearer {bad}")), Some(Refused::Malformed), "{bad}");
        }
        assert_eq!(refused(&format!("Bearer {signed}.AA")), None);
    }

    #[test]
    fn only_the_three_algorithms() {
        let with = |alg: &str| refused(&format!("Bearer {}", token(&format!(r#"{{"alg":{alg}}}"#), "{}")));
        for alg in ["HS256", "RS256", "ES256"] {
            assert_eq!(with(&format!(r#""{alg}""#)), None);
        }
        for alg in ["none", "None", "NONE", "", "hs256", "HS256 ", "HS384", "HS512", "RS512", "PS256", "ES384", "EdDSA"]
        {
            assert_eq!(with(&format!(r#""{alg}""#)), Some(Refused::Algorithm), "{alg}");
        }
        for alg in ["null", "256", r#"["HS256"]"#, r#"{"HS256":null}"#] {
            assert_eq!(with(alg), Some(Refused::Algorithm), "{alg}");
        }
        assert_eq!(refused(&format!("Bearer {}", token("{}", "{}"))), Some(Refused::Algorithm));
    }

    #[test]
    fn an_unsigned_token_is_refused_with_and_without_a_signature() {
        let signed = format!("{}.{}", encode(r#"{"alg":"none"}"#), encode("{}"));
        for token in [format!("Bearer {signed}."), format!("Bearer {signed}.AA")] {
            assert_eq!(refused(&token), Some(Refused::Algorithm));
        }
    }

    #[test]
    fn a_header_with_critical_extensions_is_refused() {
        for crit in [r#"["b64"]"#, r#"["exp"]"#, "[]", "null", "false"] {
            let token = token(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#), "{}");
            assert_eq!(refused(&format!("Bearer {token}")), Some(Refused::Critical), "{crit}");
        }
    }

    #[test]
    fn json_that_is_not_an_object_or_has_duplicate_names_is_refused() {
        let ok = r#"{"alg":"HS256"}"#;
        for (header, claims) in [
            (r#"{"alg":"HS256","alg":"HS256"}"#, "{}"),
            (r#"{"alg":"none","alg":"HS256"}"#, "{}"),
            (r#"{"alg":"HS256","kid":1}"#, "{}"),
            (r#"{"alg":"HS256","kid":null}"#, "{}"),
            (r#""HS256""#, "{}"),
            (ok, r#"{"sub":"a","sub":"b"}"#),
            (ok, r#"{"role":"user","\u0072ole":"admin"}"#),
            (ok, "[]"),
            (ok, "null"),
            (ok, ""),
            (ok, "{} {}"),
            (ok, "{,}"),
            (ok, r#"{"exp":1e999}"#),
            (ok, r#"{"exp":NaN}"#),
        ] {
            assert_eq!(
                refused(&format!("Bearer {}", token(header, claims))),
                Some(Refused::Malformed),
                "{header}{claims}"
            );
        }
        let invalid_utf8 = format!("{}.{}.AA", encode(ok), encode(b"{\"sub\":\"\xff\"}"));
        assert_eq!(refused(&format!("Bearer {invalid_utf8}")), Some(Refused::Malformed));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let claims = format!(r#"{{"a":{}1{}}}"#, "[".repeat(2000), "]".repeat(2000));
        assert_eq!(refused(&format!("Bearer {}", token(r#"{"alg":"HS256"}"#, &claims))), Some(Refused::Malformed));
    }

    #[test]
    fn a_token_of_8_kib_is_the_longest() {
        let signed = format!("{}.{}.", encode(r#"{"alg":"HS256"}"#), encode("{}"));
        let longest = MAX_LENGTH - signed.len();
        // A length that base64 has.
        let longest = longest - usize::from(longest % 4 == 1);
        assert_eq!(refused(&format!("Bearer {signed}{}", "A".repeat(longest))), None);
        assert_eq!(refused(&format!("Bearer {signed}{}", "A".repeat(longest + 4))), Some(Refused::TooLong));
        assert_eq!(refused(&format!("Bearer {}", "A".repeat(1 << 20))), Some(Refused::TooLong));
    }
}
