//! Reads the object `jwt` of the secret `control/callers`, strictly: a field that is not known, or that means nothing where it
//! is, would be a token refused for ever, or a rule that nobody keeps.

use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::Fields;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::claim::Claim;
use crate::claims::{Expected, Roles, is_role};
use crate::issuer::{Address, Issuer, Published, reachable};
use crate::key::{Key, Public, certificates};
use crate::token::MAX_LENGTH;

/// The fields of an entry.
const ENTRY: &[&str] = &[
    "issuer",
    "audience",
    "audience_claims",
    "require",
    "subject_claims",
    "roles",
    "role_claim",
    "tenant_claim",
    "keys",
    "jwks_url",
    "discovery",
    "ca_pem",
    "max_lifetime_seconds",
    "max_token_bytes",
    "leeway_seconds",
];
const KEY: &[&str] =
    &["kid", "any_kid", "alg", "secret", "secret_encoding", "public_key_pem", "certificate_pem", "jwk"];
const ROLE: &[&str] = &["claim", "values", "role", "split"];

/// What `max_lifetime_seconds` may be: a minute to a week. A bearer token cannot be revoked, so there is always a cap.
const LIFETIMES: RangeInclusive<u64> = 60..=604_800;
/// The longest default of a widespread issuer.
const LIFETIME: u64 = 86_400;
const LEEWAYS: RangeInclusive<u64> = 0..=300;
const LEEWAY: u64 = 30;
const TOKEN_BYTES: RangeInclusive<u64> = 1024..=MAX_LENGTH as u64;
const TOKEN: u64 = 8192;

/// Something in the configuration that cannot be used. The text names the field, and shows no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at} {mistake}")]
pub struct Malformed {
    at: String,
    /// What is wrong there.
    pub mistake: Mistake,
}

impl Malformed {
    pub(crate) fn new(at: String, mistake: Mistake) -> Self {
        Self { at, mistake }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// There is no such field.
    #[error("{0}")]
    Unknown(String),
    /// It has to be there.
    #[error("is required")]
    Required,
    /// No text, or an empty one.
    #[error("must be a text that is not empty")]
    Text,
    /// No text and no list of texts, or one of them is empty.
    #[error("must be a text or a list of texts, none of them empty")]
    Texts,
    /// No list.
    #[error("must be a list that is not empty")]
    List,
    /// No object.
    #[error("must be an object")]
    Object,
    /// Neither true nor false.
    #[error("must be true or false")]
    Flag,
    /// No number within its bounds.
    #[error("must be a whole number from {} to {}", .0.start(), .0.end())]
    Number(RangeInclusive<u64>),
    /// No text, number or flag.
    #[error("must be a text, a number, true or false, or a list of them that is not empty")]
    Values,
    /// It names no claim.
    #[error("must be a claim's name, or a JSON Pointer if it begins with /")]
    Claim,
    /// No token of this issuer could be verified.
    #[error("has no source of keys: give keys, jwks_url or discovery")]
    NoKeys,
    /// Two addresses of one key set.
    #[error("has both jwks_url and discovery: give one of them")]
    TwoAddresses,
    /// The URL cannot be trusted.
    #[error("must be an https URL")]
    Url,
    /// The issuer is no address that could be asked.
    #[error("needs an issuer that is an https URL")]
    DiscoveryIssuer,
    /// Authorities that vouch for nothing.
    #[error("needs jwks_url or discovery")]
    Alone,
    /// No authorities.
    #[error("must be certificates as PEM")]
    Authorities,
    /// Both say where roles are.
    #[error("has both role_claim and roles: give one of them")]
    TwoRoles,
    /// No route knows the role.
    #[error("must be a role that routes know: {}", known_roles())]
    Role,
    /// Any value at all would give the role.
    #[error("has a role but no values that give it")]
    RoleForAnything,
    /// We have no such algorithm.
    #[error("must be one of {}", Algorithm::ALL.map(Algorithm::name).join(", "))]
    Algorithm,
    /// None of them, or several.
    #[error("must have exactly one of secret, public_key_pem, certificate_pem and jwk")]
    KeySource,
    /// It is no key, too small, or for another algorithm.
    #[error("is no key for {0}, or too short for it")]
    Key(Algorithm),
    /// Something else than a secret is not encoded.
    #[error("belongs to a secret")]
    EncodingAlone,
    /// No encoding of ours.
    #[error("must be one of utf8, base64, base64url and hex")]
    Encoding,
    /// Not encoded as it says.
    #[error("is not encoded as secret_encoding says")]
    NotEncoded,
    /// Both say which tokens the key is for.
    #[error("has both kid and any_kid: give one of them")]
    KidTwice,
    /// The JWK has another `kid`.
    #[error("is not the kid in the jwk")]
    OtherKid,
    /// Another entry has the same issuer.
    #[error("is another entry's as well")]
    IssuerTwice,
}

fn known_roles() -> String {
    let mut roles: Vec<_> = domain::routes::roles().collect();
    roles.sort_unstable();
    roles.dedup();
    roles.join(", ")
}

/// The entries of the object.
pub(crate) fn entries(jwt: &Value) -> Vec<Result<Issuer, Malformed>> {
    let object = match Object::of("jwt", jwt) {
        Ok(object) => object,
        Err(malformed) => return vec![Err(malformed)],
    };
    if !object.map.contains_key("issuers") {
        // Before there was a list, a token was its subject's.
        return vec![entry(&object, Some("sub"))];
    }
    let list = object.closed(&["issuers"]).and_then(|()| object.list("issuers"));
    match list {
        Ok(list) => list.iter().map(|(at, value)| entry(&Object::of(at, value)?, None)).collect(),
        Err(malformed) => vec![Err(malformed)],
    }
}

fn entry(object: &Object<'_>, tenant_claim: Option<&str>) -> Result<Issuer, Malformed> {
    object.closed(ENTRY)?;
    let issuers = object.texts("issuer")?.ok_or_else(|| object.wrong("issuer", Mistake::Required))?;
    let audiences = object.texts("audience")?.ok_or_else(|| object.wrong("audience", Mistake::Required))?;
    let roles = match (object.map.contains_key("roles"), object.map.contains_key("role_claim")) {
        (true, true) => return Err(object.is(Mistake::TwoRoles)),
        (true, false) => {
            object.list("roles")?.iter().map(|(at, it)| roles(&Object::of(at, it)?)).collect::<Result<_, _>>()?
        }
        (false, _) => {
            let claim = object.claim("role_claim")?.or_else(|| Claim::parse("role"));
            claim.map(|claim| Roles { claim, values: None, role: None, split: None }).into_iter().collect()
        }
    };
    let expected = Expected {
        audience_claims: object.claims("audience_claims", "aud")?,
        require: require(object)?,
        subject_claims: object.claims("subject_claims", "sub")?,
        roles,
        tenant_claim: object.claim("tenant_claim")?.or_else(|| Claim::parse(tenant_claim?)),
        max_lifetime: Duration::from_secs(object.number("max_lifetime_seconds", LIFETIMES)?.unwrap_or(LIFETIME)),
        leeway: Duration::from_secs(object.number("leeway_seconds", LEEWAYS)?.unwrap_or(LEEWAY)),
        max_token_bytes: usize::try_from(object.number("max_token_bytes", TOKEN_BYTES)?.unwrap_or(TOKEN))
            .unwrap_or(MAX_LENGTH),
        audiences,
        issuers,
    };
    let none = object.map.get("keys").is_none_or(|keys| keys.as_array().is_some_and(Vec::is_empty));
    let keys = if none { Vec::new() } else { object.list("keys")? };
    let keys: Vec<Key> = keys.iter().map(|(at, it)| key(&Object::of(at, it)?)).collect::<Result<_, _>>()?;
    let published = published(object, &expected.issuers)?;
    if keys.is_empty() && published.is_none() {
        return Err(object.is(Mistake::NoKeys));
    }
    Ok(Issuer { expected, keys, published })
}

fn roles(object: &Object<'_>) -> Result<Roles, Malformed> {
    object.closed(ROLE)?;
    let role = object.text("role")?;
    if role.is_some_and(|role| !is_role(role)) {
        return Err(object.wrong("role", Mistake::Role));
    }
    let values =
        object.map.get("values").map(|values| scalars(values).ok_or_else(|| object.wrong("values", Mistake::Values)));
    let values = values.transpose()?;
    if role.is_some() && values.is_none() {
        return Err(object.is(Mistake::RoleForAnything));
    }
    Ok(Roles {
        claim: object.claim("claim")?.ok_or_else(|| object.wrong("claim", Mistake::Required))?,
        values,
        role: role.map(str::to_owned),
        split: object.text("split")?.map(str::to_owned),
    })
}

/// A value, or a list of values that stand for each other.
fn scalars(value: &Value) -> Option<Vec<Value>> {
    let values = crate::claim::each(Some(value));
    let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    (!values.is_empty() && values.iter().all(scalar)).then(|| values.to_vec())
}

fn require(object: &Object<'_>) -> Result<Vec<(Claim, Vec<Value>)>, Malformed> {
    let Some(value) = object.map.get("require") else { return Ok(Vec::new()) };
    let required = Object::of(&object.at("require"), value)?;
    let one = |(name, value): (&String, &Value)| {
        let claim = Claim::parse(name).ok_or_else(|| required.is(Mistake::Claim))?;
        let values = scalars(value).ok_or_else(|| object.wrong("require", Mistake::Values))?;
        Ok((claim, values))
    };
    required.map.iter().map(one).collect()
}

fn published(object: &Object<'_>, issuers: &[String]) -> Result<Option<Published>, Malformed> {
    let jwks_url = object.text("jwks_url")?;
    let address = match (jwks_url, object.flag("discovery")?) {
        (Some(_), true) => return Err(object.is(Mistake::TwoAddresses)),
        (Some(url), false) => {
            Some(Address::KeySet(reachable(url).ok_or_else(|| object.wrong("jwks_url", Mistake::Url))?))
        }
        (None, true) => {
            // The first one is asked. The others are spellings of it.
            let document = |issuer: &String| {
                let mut url = reachable(issuer).filter(|url| url.query().is_none() && url.fragment().is_none())?;
                let path = format!("{}/.well-known/openid-configuration", url.path().trim_end_matches('/'));
                url.set_path(&path);
                Some(Address::Discovery { document: url, issuer: issuer.clone() })
            };
            let first = issuers.first().and_then(document);
            Some(first.ok_or_else(|| object.wrong("discovery", Mistake::DiscoveryIssuer))?)
        }
        (None, false) => None,
    };
    let ca_pem = object.text("ca_pem")?;
    if ca_pem.is_some_and(|pem| certificates(pem).is_none()) {
        return Err(object.wrong("ca_pem", Mistake::Authorities));
    }
    match address {
        Some(address) => Ok(Some(Published { address, ca_pem: ca_pem.map(str::to_owned) })),
        None if ca_pem.is_some() => Err(object.wrong("ca_pem", Mistake::Alone)),
        None => Ok(None),
    }
}

fn key(object: &Object<'_>) -> Result<Key, Malformed> {
    object.closed(KEY)?;
    let alg = object.text("alg")?.ok_or_else(|| object.wrong("alg", Mistake::Required))?;
    let alg = Algorithm::named(alg).ok_or_else(|| object.wrong("alg", Mistake::Algorithm))?;
    let kid = object.text("kid")?.map(str::to_owned);
    let any_kid = object.flag("any_kid")?;
    if any_kid && kid.is_some() {
        return Err(object.is(Mistake::KidTwice));
    }
    let sources = ["secret", "public_key_pem", "certificate_pem", "jwk"];
    let mut given = sources.into_iter().filter(|name| object.map.get(*name).is_some_and(|value| !value.is_null()));
    let (Some(source), None) = (given.next(), given.next()) else { return Err(object.is(Mistake::KeySource)) };
    let bad = || object.wrong(source, Mistake::Key(alg));
    let public = |public: Option<Public>| Key::public(kid.clone(), alg, public.ok_or_else(bad)?).ok_or_else(bad);
    let encoding = object.text("secret_encoding")?;
    if encoding.is_some() && source != "secret" {
        return Err(object.wrong("secret_encoding", Mistake::EncodingAlone));
    }
    let text = || object.text(source)?.ok_or_else(bad);
    let key = match source {
        "secret" => {
            let encoding = encoding.map_or(Some(Encoding::Utf8), Encoding::named);
            let encoding = encoding.ok_or_else(|| object.wrong("secret_encoding", Mistake::Encoding))?;
            let secret = encoding.decode(text()?).ok_or_else(|| object.wrong(source, Mistake::NotEncoded))?;
            Key::shared(kid, alg, &secret).ok_or_else(bad)?
        }
        "public_key_pem" => public(Public::from_pem(text()?))?,
        "certificate_pem" => public(Public::from_certificate(text()?))?,
        _ => {
            let key = object.map.get(source).and_then(|jwk| Key::from_jwk(jwk, Some(alg))).ok_or_else(bad)?;
            // The `kid` may be given here, in the JWK, or in both. If it is given twice, both must be the same.
            match (kid, key.kid()) {
                (Some(kid), Some(of_jwk)) if kid != of_jwk => return Err(object.wrong("kid", Mistake::OtherKid)),
                (Some(kid), _) => key.named(Some(kid)),
                (None, _) => key,
            }
        }
    };
    Ok(if any_kid { key.for_any_kid() } else { key })
}

/// How a secret is written.
#[derive(Clone, Copy)]
enum Encoding {
    /// Its bytes are the text's.
    Utf8,
    Base64,
    Base64Url,
    Hex,
}

impl Encoding {
    fn named(name: &str) -> Option<Self> {
        match name {
            "utf8" => Some(Self::Utf8),
            "base64" => Some(Self::Base64),
            "base64url" => Some(Self::Base64Url),
            "hex" => Some(Self::Hex),
            _ => None,
        }
    }

    fn decode(self, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let base64 = |alphabet: &Alphabet| {
            let padded_or_not = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
            GeneralPurpose::new(alphabet, padded_or_not).decode(text).ok()
        };
        let bytes = match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Base64 => base64(&STANDARD),
            Self::Base64Url => base64(&URL_SAFE),
            Self::Hex => hex::decode(text).ok(),
        };
        bytes.map(Zeroizing::new)
    }
}

/// An object of the configuration, and where it is.
struct Object<'a> {
    place: String,
    map: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    fn of(place: &str, value: &'a Value) -> Result<Self, Malformed> {
        match value {
            Value::Object(map) => Ok(Self { place: place.to_owned(), map }),
            _ => Err(Malformed::new(place.to_owned(), Mistake::Object)),
        }
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    fn wrong(&self, name: &str, mistake: Mistake) -> Malformed {
        Malformed::new(self.at(name), mistake)
    }

    /// This is wrong with the object itself.
    fn is(&self, mistake: Mistake) -> Malformed {
        Malformed::new(self.place.clone(), mistake)
    }

    /// Whether it has known fields only.
    fn closed(&self, known: &[&str]) -> Result<(), Malformed> {
        let Err(unknown) = Fields::new(self.map, known).finish() else { return Ok(()) };
        let Some(first) = unknown.into_iter().next() else { return Ok(()) };
        Err(self.wrong(&first.field, Mistake::Unknown(first.message)))
    }

    /// A field, unless it is null: `jwks_url: null` was always the same as none. Whatever has a default may not be null.
    fn text(&self, name: &str) -> Result<Option<&'a str>, Malformed> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, Mistake::Text)),
        }
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Malformed> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let texts: Option<Vec<_>> = crate::claim::each(Some(value)).iter().map(text).collect();
        texts.filter(|texts| !texts.is_empty()).map(Some).ok_or_else(|| self.wrong(name, Mistake::Texts))
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>, Malformed> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        value.as_str().and_then(Claim::parse).map(Some).ok_or_else(|| self.wrong(name, Mistake::Claim))
    }

    fn claims(&self, name: &str, default: &str) -> Result<Vec<Claim>, Malformed> {
        let texts = self.texts(name)?.unwrap_or_else(|| vec![default.to_owned()]);
        texts
            .iter()
            .map(|text| Claim::parse(text))
            .collect::<Option<_>>()
            .ok_or_else(|| self.wrong(name, Mistake::Claim))
    }

    fn flag(&self, name: &str) -> Result<bool, Malformed> {
        let flag = self.map.get(name).map(|value| value.as_bool().ok_or_else(|| self.wrong(name, Mistake::Flag)));
        Ok(flag.transpose()?.unwrap_or(false))
    }

    fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, Malformed> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        let number = value.as_u64().filter(|number| bounds.contains(number));
        number.map(Some).ok_or_else(|| self.wrong(name, Mistake::Number(bounds)))
    }

    /// The elements of a list, and where each of them is.
    fn list(&self, name: &str) -> Result<Vec<(String, &'a Value)>, Malformed> {
        let list = self.map.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| self.wrong(name, Mistake::List))?;
        Ok(list.iter().enumerate().map(|(index, value)| (format!("{}[{index}]", self.at(name)), value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{Es256, RSA_PUBLIC, SECRET, rsa_jwk};
    use crate::issuer::Issuers;

    fn entry(changes: &Value) -> Value {
        let mut entry = json!({ "issuer": "https://issuer.example/", "audience": "audience", "jwks_url": "https://issuer.example/jwks" });
        let object = entry.as_object_mut().expect("an object");
        object.extend(changes.as_object().expect("an object").clone());
        entry
    }

    /// What is wrong with this object.
    fn wrong(jwt: &Value) -> Option<String> {
        Issuers::parse(jwt).mistakes().next().map(ToString::to_string)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn an_entry_of_another_shape_is_refused_and_the_field_is_named() {
        assert_eq!(wrong(&entry(&json!({}))), None);
        for (changes, expected) in [
            (json!({ "issuer": null }), "jwt.issuer must be a text or a list of texts, none of them empty"),
            (json!({ "issuer": "" }), "jwt.issuer must be a text or a list of texts, none of them empty"),
            (json!({ "issuer": [] }), "jwt.issuer must be a text or a list of texts, none of them empty"),
            (json!({ "issuer": ["a", 1] }), "jwt.issuer must be a text or a list of texts, none of them empty"),
            (json!({ "audience": 1 }), "jwt.audience must be a text or a list of texts, none of them empty"),
            (json!({ "audience": "" }), "jwt.audience must be a text or a list of texts, none of them empty"),
            (json!({ "audience": [""] }), "jwt.audience must be a text or a list of texts, none of them empty"),
            (
                json!({ "audience_claims": [] }),
                "jwt.audience_claims must be a text or a list of texts, none of them empty",
            ),
            (
                json!({ "audience_claims": ["/~"] }),
                "jwt.audience_claims must be a claim's name, or a JSON Pointer if it begins with /",
            ),
            (
                json!({ "subject_claims": [1] }),
                "jwt.subject_claims must be a text or a list of texts, none of them empty",
            ),
            (
                json!({ "role_claim": null }),
                "jwt.role_claim must be a claim's name, or a JSON Pointer if it begins with /",
            ),
            (
                json!({ "role_claim": "" }),
                "jwt.role_claim must be a claim's name, or a JSON Pointer if it begins with /",
            ),
            (
                json!({ "tenant_claim": 1 }),
                "jwt.tenant_claim must be a claim's name, or a JSON Pointer if it begins with /",
            ),
            (json!({ "require": ["a"] }), "jwt.require must be an object"),
            (
                json!({ "require": { "a": null } }),
                "jwt.require must be a text, a number, true or false, or a list of them that is not empty",
            ),
            (
                json!({ "require": { "a": [] } }),
                "jwt.require must be a text, a number, true or false, or a list of them that is not empty",
            ),
            (
                json!({ "require": { "": 1 } }),
                "jwt.require must be a claim's name, or a JSON Pointer if it begins with /",
            ),
            (json!({ "roles": [] }), "jwt.roles must be a list that is not empty"),
            (json!({ "roles": ["admin"] }), "jwt.roles[0] must be an object"),
            (json!({ "roles": [{}] }), "jwt.roles[0].claim is required"),
            (
                json!({ "roles": [{ "claim": "a", "role": "root", "values": ["x"] }] }),
                "jwt.roles[0].role must be a role that routes know: admin, auditor, tenant",
            ),
            (
                json!({ "roles": [{ "claim": "a", "role": "admin" }] }),
                "jwt.roles[0] has a role but no values that give it",
            ),
            (
                json!({ "roles": [{ "claim": "a", "values": [{}] }] }),
                "jwt.roles[0].values must be a text, a number, true or false, or a list of them that is not empty",
            ),
            (
                json!({ "roles": [{ "claim": "a", "split": "" }] }),
                "jwt.roles[0].split must be a text that is not empty",
            ),
            (
                json!({ "roles": [{ "claim": "a" }], "role_claim": "b" }),
                "jwt has both role_claim and roles: give one of them",
            ),
            (json!({ "keys": {} }), "jwt.keys must be a list that is not empty"),
            (json!({ "keys": ["x"] }), "jwt.keys[0] must be an object"),
            (json!({ "jwks_url": "http://issuer.example/jwks" }), "jwt.jwks_url must be an https URL"),
            (json!({ "jwks_url": "" }), "jwt.jwks_url must be a text that is not empty"),
            (json!({ "jwks_url": null }), "jwt has no source of keys: give keys, jwks_url or discovery"),
            (json!({ "jwks_url": null, "keys": [] }), "jwt has no source of keys: give keys, jwks_url or discovery"),
            (
                json!({ "jwks_url": null, "discovery": false }),
                "jwt has no source of keys: give keys, jwks_url or discovery",
            ),
            (json!({ "discovery": true }), "jwt has both jwks_url and discovery: give one of them"),
            (json!({ "discovery": "true" }), "jwt.discovery must be true or false"),
            (
                json!({ "discovery": true, "jwks_url": null, "issuer": "issuer" }),
                "jwt.discovery needs an issuer that is an https URL",
            ),
            (
                json!({ "discovery": true, "jwks_url": null, "issuer": "https://a.example/?b" }),
                "jwt.discovery needs an issuer that is an https URL",
            ),
            (json!({ "ca_pem": "x" }), "jwt.ca_pem must be certificates as PEM"),
            (json!({ "ca_pem": RSA_PUBLIC }), "jwt.ca_pem must be certificates as PEM"),
            (
                json!({ "max_lifetime_seconds": 59 }),
                "jwt.max_lifetime_seconds must be a whole number from 60 to 604800",
            ),
            (
                json!({ "max_lifetime_seconds": 604_801 }),
                "jwt.max_lifetime_seconds must be a whole number from 60 to 604800",
            ),
            (
                json!({ "max_lifetime_seconds": null }),
                "jwt.max_lifetime_seconds must be a whole number from 60 to 604800",
            ),
            (
                json!({ "max_lifetime_seconds": "3600" }),
                "jwt.max_lifetime_seconds must be a whole number from 60 to 604800",
            ),
            (
                json!({ "max_lifetime_seconds": -1 }),
                "jwt.max_lifetime_seconds must be a whole number from 60 to 604800",
            ),
            (json!({ "leeway_seconds": 301 }), "jwt.leeway_seconds must be a whole number from 0 to 300"),
            (json!({ "leeway_seconds": 0.5 }), "jwt.leeway_seconds must be a whole number from 0 to 300"),
            (json!({ "max_token_bytes": 1023 }), "jwt.max_token_bytes must be a whole number from 1024 to 10240"),
            (json!({ "max_token_bytes": 10_241 }), "jwt.max_token_bytes must be a whole number from 1024 to 10240"),
        ] {
            assert_eq!(wrong(&entry(&changes)).as_deref(), Some(expected), "{changes}");
        }
        for (jwt, expected) in [
            (json!([]), "jwt must be an object"),
            (json!("jwt"), "jwt must be an object"),
            (json!(false), "jwt must be an object"),
            (json!({}), "jwt.issuer is required"),
            (json!({ "issuer": "a" }), "jwt.audience is required"),
            (json!({ "issuers": [] }), "jwt.issuers must be a list that is not empty"),
            (json!({ "issuers": {} }), "jwt.issuers must be a list that is not empty"),
            (json!({ "issuers": [1] }), "jwt.issuers[0] must be an object"),
            (
                json!({ "issuers": [entry(&json!({}))], "audience": "a" }),
                "jwt.audience is not a known field; known are issuers",
            ),
        ] {
            assert_eq!(wrong(&jwt).as_deref(), Some(expected), "{jwt}");
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_with_the_one_that_was_meant() {
        let hint = |field: &str, meant: &str| {
            Some(format!("jwt.issuers[1].{field} is not a known field; did you mean {meant}?"))
        };
        for (field, meant) in [
            ("jwks_uri", "jwks_url"),
            ("audiences", "audience"),
            ("leeway", "leeway_seconds"),
            ("Discovery", "discovery"),
        ] {
            let list = json!({ "issuers": [entry(&json!({ "issuer": "other" })), entry(&json!({ field: "x" }))] });
            assert_eq!(wrong(&list), hint(field, meant));
        }
        let key = json!({ "alg": "HS256", "secret": SECRET, "secret_is_base64": true });
        let found = wrong(&entry(&json!({ "keys": [key] }))).expect("refused");
        assert!(found.starts_with("jwt.keys[0].secret_is_base64 is not a known field"), "{found}");
        let role = json!({ "claim": "a", "value": "b" });
        assert_eq!(
            wrong(&entry(&json!({ "roles": [role] }))).as_deref(),
            Some("jwt.roles[0].value is not a known field; did you mean values?")
        );
    }

    #[test]
    fn two_entries_for_one_issuer_are_none() {
        let (one, other) =
            (entry(&json!({ "issuer": ["a", "a", "b"] })), entry(&json!({ "issuer": "b", "audience": "x" })));
        let third = entry(&json!({ "issuer": "B" }));
        let issuers = Issuers::parse(&json!({ "issuers": [one, other, third] }));
        let found: Vec<_> = issuers.mistakes().map(ToString::to_string).collect();
        assert_eq!(found, [0, 1].map(|index| format!("jwt.issuers[{index}].issuer is another entry's as well")));
        assert_eq!(issuers.usable().flat_map(Issuer::names).collect::<Vec<_>>(), ["B"]);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_key_fits_its_algorithm_and_has_one_source() {
        let es256 = Es256::new();
        let with = |key: Value| wrong(&entry(&json!({ "keys": [{ "alg": "HS256", "secret": SECRET }, key] })));
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let certificate =
            rcgen::CertificateParams::new(vec![]).expect("names").self_signed(&pair).expect("signed").pem();
        for good in [
            json!({ "kid": "k", "alg": "ES256", "jwk": es256.jwk(Some("k")) }),
            json!({ "alg": "ES256", "jwk": es256.jwk(Some("k")), "any_kid": true }),
            json!({ "alg": "PS512", "jwk": rsa_jwk(None), "secret": null, "kid": null }),
            json!({ "alg": "RS384", "public_key_pem": RSA_PUBLIC }),
            json!({ "alg": "ES256", "certificate_pem": certificate }),
            json!({ "alg": "HS256", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "secret_encoding": "base64" }),
            json!({ "alg": "HS256", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY", "secret_encoding": "base64url" }),
            json!({ "alg": "HS256", "secret": "00".repeat(32), "secret_encoding": "hex" }),
            json!({ "alg": "HS512", "secret": SECRET.repeat(2), "secret_encoding": "utf8" }),
        ] {
            assert_eq!(with(good.clone()), None, "{good}");
        }
        for (key, expected) in [
            (json!({ "secret": SECRET }), "jwt.keys[1].alg is required"),
            (
                json!({ "alg": "HS512", "secret": SECRET }),
                "jwt.keys[1].secret is no key for HS512, or too short for it",
            ),
            (
                json!({ "alg": "none", "secret": SECRET }),
                "jwt.keys[1].alg must be one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
            ),
            (
                json!({ "alg": "HS256", "secret": &SECRET[1..] }),
                "jwt.keys[1].secret is no key for HS256, or too short for it",
            ),
            (json!({ "alg": "HS256", "secret": "" }), "jwt.keys[1].secret must be a text that is not empty"),
            (json!({ "alg": "HS256" }), NOT_ONE),
            (
                json!({ "alg": "RS256", "secret": SECRET }),
                "jwt.keys[1].secret is no key for RS256, or too short for it",
            ),
            (
                json!({ "alg": "HS256", "public_key_pem": RSA_PUBLIC }),
                "jwt.keys[1].public_key_pem is no key for HS256, or too short for it",
            ),
            (
                json!({ "alg": "ES256", "public_key_pem": RSA_PUBLIC }),
                "jwt.keys[1].public_key_pem is no key for ES256, or too short for it",
            ),
            (
                json!({ "alg": "RS256", "public_key_pem": es256.pem() }),
                "jwt.keys[1].public_key_pem is no key for RS256, or too short for it",
            ),
            (
                json!({ "alg": "RS256", "public_key_pem": "-----BEGIN PUBLIC KEY-----" }),
                "jwt.keys[1].public_key_pem is no key for RS256, or too short for it",
            ),
            (
                json!({ "alg": "RS256", "certificate_pem": certificate }),
                "jwt.keys[1].certificate_pem is no key for RS256, or too short for it",
            ),
            (
                json!({ "alg": "RS256", "certificate_pem": RSA_PUBLIC }),
                "jwt.keys[1].certificate_pem is no key for RS256, or too short for it",
            ),
            (
                json!({ "alg": "RS256", "jwk": es256.jwk(None) }),
                "jwt.keys[1].jwk is no key for RS256, or too short for it",
            ),
            (
                json!({ "alg": "ES256", "jwk": rsa_jwk(None) }),
                "jwt.keys[1].jwk is no key for ES256, or too short for it",
            ),
            (
                json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "A".repeat(64) } }),
                "jwt.keys[1].jwk is no key for HS256, or too short for it",
            ),
            (json!({ "alg": "RS256", "public_key_pem": RSA_PUBLIC, "jwk": rsa_jwk(None) }), NOT_ONE),
            (json!({ "alg": "HS256", "secret": SECRET, "public_key_pem": RSA_PUBLIC }), NOT_ONE),
            (
                json!({ "kid": "k", "alg": "ES256", "jwk": es256.jwk(Some("another")) }),
                "jwt.keys[1].kid is not the kid in the jwk",
            ),
            (
                json!({ "kid": "k", "any_kid": true, "alg": "HS256", "secret": SECRET }),
                "jwt.keys[1] has both kid and any_kid: give one of them",
            ),
            (
                json!({ "alg": "RS256", "public_key_pem": RSA_PUBLIC, "secret_encoding": "utf8" }),
                "jwt.keys[1].secret_encoding belongs to a secret",
            ),
            (
                json!({ "alg": "HS256", "secret": SECRET, "secret_encoding": "base32" }),
                "jwt.keys[1].secret_encoding must be one of utf8, base64, base64url and hex",
            ),
            (
                json!({ "alg": "HS256", "secret": "not hex", "secret_encoding": "hex" }),
                "jwt.keys[1].secret is not encoded as secret_encoding says",
            ),
            (
                json!({ "alg": "HS256", "secret": SECRET, "secret_encoding": "base64" }),
                "jwt.keys[1].secret is no key for HS256, or too short for it",
            ),
        ] {
            assert_eq!(with(key.clone()).as_deref(), Some(expected), "{key}");
        }
    }

    const NOT_ONE: &str = "jwt.keys[1] must have exactly one of secret, public_key_pem, certificate_pem and jwk";

    #[test]
    fn discovery_asks_where_the_standard_says() {
        for (issuer, document) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/realms/x", "https://a.example/realms/x/.well-known/openid-configuration"),
            ("https://a.example/realms/x/", "https://a.example/realms/x/.well-known/openid-configuration"),
        ] {
            let jwt = entry(&json!({ "jwks_url": null, "discovery": true, "issuer": [issuer, "a.example"] }));
            let issuers = Issuers::parse(&jwt);
            let published = issuers.usable().next().and_then(Issuer::published).expect("published").clone();
            let expected = Address::Discovery { document: document.parse().expect("a URL"), issuer: issuer.to_owned() };
            assert_eq!(published, Published { address: expected, ca_pem: None });
        }
    }

    /// Any JSON.
    fn json() -> impl Strategy<Value = Value> {
        let names = prop::sample::select([ENTRY, KEY, ROLE, &["issuers", "x"]].concat());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~]{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["HS256", "https://a.example/", "admin", "sub", SECRET]).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whatever somebody wrote is read or refused, entry by entry, and no text of it is repeated.
        #[test]
        fn any_configuration_is_read_or_refused(jwt in json()) {
            let issuers = Issuers::parse(&jwt);
            prop_assert!(issuers.usable().count() + issuers.mistakes().count() > 0);
            for mistake in issuers.mistakes() {
                prop_assert!(!mistake.to_string().contains(SECRET));
            }
        }

        /// No field but the known ones is taken.
        #[test]
        fn any_other_field_is_refused(name in "[a-z_]{1,16}") {
            prop_assume!(!ENTRY.contains(&name.as_str()) && name != "issuers");
            let found = wrong(&entry(&json!({ name: "x" })));
            prop_assert!(found.is_some());
        }
    }
}
