//! A bearer token, split into its parts. It is not verified yet.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::object::object;
use crate::refusal::Rule;

/// Bytes of the longest token that is read: the gateway takes that much of all headers. An issuer may be allowed less.
pub(crate) const MAX_LENGTH: usize = 10_240;

/// A token in the compact form.
pub struct Token<'a> {
    pub(crate) alg: Algorithm,
    /// The key that made the signature, if the header names it.
    pub(crate) kid: Option<String>,
    pub(crate) claims: Map<String, Value>,
    /// The signed bytes: the encoded header and claims.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
    /// Bytes of the whole.
    pub(crate) length: usize,
}

impl<'a> Token<'a> {
    /// The token of an `Authorization` field's value: a scheme in any case, one or more spaces, and one token68 (RFC 9110,
    /// sections 11.1 to 11.4; RFC 6750, section 2.1). White space around a field's value is not part of it (section 5.5).
    pub fn from_header(value: &'a str) -> Result<Self, Rule> {
        let (scheme, token) = value.trim_matches([' ', '\t']).split_once(' ').ok_or(Rule::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Rule::Malformed);
        }
        Self::parse(token.trim_start_matches(' '))
    }

    /// The token alone.
    pub fn parse(token: &'a str) -> Result<Self, Rule> {
        if token.len() > MAX_LENGTH {
            return Err(Rule::TooLong);
        }
        // Anything else in the header (a second token, a parameter, line ends) is not base64url and is therefore refused.
        let (signed, signature) = token.rsplit_once('.').ok_or(Rule::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Rule::Malformed)?;
        let header = object(&decode(header)?).ok_or(Rule::Malformed)?;
        if header.contains_key("crit") {
            return Err(Rule::Critical);
        }
        let alg = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named).ok_or(Rule::Algorithm)?;
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(Rule::Malformed)?.to_owned()),
        };
        let claims = object(&decode(claims)?).ok_or(Rule::Malformed)?;
        Ok(Self { alg, kid, claims, signed: signed.as_bytes(), signature: decode(signature)?, length: token.len() })
    }

    /// Its algorithm.
    #[must_use]
    pub const fn alg(&self) -> Algorithm {
        self.alg
    }

    /// Its `iss`. Nothing says yet that it is true.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Rule> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Rule::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::encode;

    fn refused(value: &str) -> Option<Rule> {
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
            assert_eq!(refused(&format!("{scheme} {token}")), Some(Rule::Malformed), "{scheme}");
        }
        assert_eq!(refused(&token), Some(Rule::Malformed));
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
            assert_eq!(refused(&value), Some(Rule::Malformed), "{value:?}");
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
            assert_eq!(refused(&format!("Bearer {bad}")), Some(Rule::Malformed), "{bad}");
        }
        assert_eq!(refused(&format!("Bearer {signed}.AA")), None);
    }

    #[test]
    fn only_our_algorithms() {
        let with = |alg: &str| refused(&format!("Bearer {}", token(&format!(r#"{{"alg":{alg}}}"#), "{}")));
        for alg in Algorithm::ALL.map(Algorithm::name) {
            assert_eq!(with(&format!(r#""{alg}""#)), None);
        }
        for alg in
            ["none", "None", "NONE", "", "hs256", "HS256 ", "HS224", "RS1", "ES512", "ES256K", "eddsa", "RSA-OAEP"]
        {
            assert_eq!(with(&format!(r#""{alg}""#)), Some(Rule::Algorithm), "{alg}");
        }
        for alg in ["null", "256", r#"["HS256"]"#, r#"{"HS256":null}"#] {
            assert_eq!(with(alg), Some(Rule::Algorithm), "{alg}");
        }
        assert_eq!(refused(&format!("Bearer {}", token("{}", "{}"))), Some(Rule::Algorithm));
    }

    #[test]
    fn an_unsigned_token_is_refused_with_and_without_a_signature() {
        let signed = format!("{}.{}", encode(r#"{"alg":"none"}"#), encode("{}"));
        for token in [format!("Bearer {signed}."), format!("Bearer {signed}.AA")] {
            assert_eq!(refused(&token), Some(Rule::Algorithm));
        }
    }

    #[test]
    fn a_header_with_critical_extensions_is_refused() {
        for crit in [r#"["b64"]"#, r#"["exp"]"#, "[]", "null", "false"] {
            let token = token(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#), "{}");
            assert_eq!(refused(&format!("Bearer {token}")), Some(Rule::Critical), "{crit}");
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
            (ok, r#"{"realm_access":{"roles":["user"],"roles":["admin"]}}"#),
            (ok, r#"{"a":[{"b":1},{"c":{"d":1,"d":1}}]}"#),
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
                Some(Rule::Malformed),
                "{header}{claims}"
            );
        }
        let invalid_utf8 = format!("{}.{}.AA", encode(ok), encode(b"{\"sub\":\"\xff\"}"));
        assert_eq!(refused(&format!("Bearer {invalid_utf8}")), Some(Rule::Malformed));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let claims = format!(r#"{{"a":{}1{}}}"#, "[".repeat(2000), "]".repeat(2000));
        assert_eq!(refused(&format!("Bearer {}", token(r#"{"alg":"HS256"}"#, &claims))), Some(Rule::Malformed));
    }

    #[test]
    fn a_token_is_as_long_as_all_headers_at_most() {
        let signed = format!("{}.{}.", encode(r#"{"alg":"HS256"}"#), encode("{}"));
        let longest = MAX_LENGTH - signed.len();
        // A length that base64 has.
        let longest = longest - usize::from(longest % 4 == 1);
        assert_eq!(refused(&format!("Bearer {signed}{}", "A".repeat(longest))), None);
        assert_eq!(refused(&format!("Bearer {signed}{}", "A".repeat(longest + 4))), Some(Rule::TooLong));
        assert_eq!(refused(&format!("Bearer {}", "A".repeat(1 << 20))), Some(Rule::TooLong));
    }

    use proptest::prelude::*;

    proptest! {
        /// What is not a token is refused, and nothing else happens.
        #[test]
        fn any_text_is_a_token_or_refused(text in "(Bearer )?[ -~]{0,80}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
            let _ = Token::from_header(&text);
            let _ = Token::parse(&parts.join("."));
        }

        /// Whatever the claims say, they are read as they are, or refused because a name is there twice.
        #[test]
        fn claims_are_read_as_they_are(members in prop::collection::vec(("[a-c]{1,2}", any::<i32>()), 0..6)) {
            let json: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let token = token(r#"{"alg":"ES256"}"#, &format!("{{{}}}", json.join(",")));
            let names: std::collections::BTreeSet<_> = members.iter().map(|(name, _)| name).collect();
            match Token::parse(&token) {
                Ok(parsed) => {
                    prop_assert_eq!(names.len(), members.len());
                    prop_assert!(members.iter().all(|(name, value)| parsed.claims[name] == *value));
                }
                Err(rule) => prop_assert!(rule == Rule::Malformed && names.len() < members.len()),
            }
        }

        /// No change of one character leaves a token as it was.
        #[test]
        fn every_character_of_a_token_counts(at in any::<prop::sample::Index>(), other in "[A-Za-z0-9_.-]") {
            let text = token(r#"{"alg":"HS256","kid":"k"}"#, r#"{"sub":"s","exp":1}"#);
            let at = at.index(text.len());
            prop_assume!(text[at..=at] != other);
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            let whole = |text: &str| Token::parse(text).ok().map(|token| (token.signed.to_vec(), token.signature));
            prop_assert_ne!(whole(&changed), whole(&text));
        }
    }
}
