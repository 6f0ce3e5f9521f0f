//! The claims of a token, compared with those that are expected.

use std::time::Duration;

use domain::routes::TENANT;
use domain::{Actor, TenantId};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::claim::{Claim, each};
use crate::now::Now;
use crate::refusal::{Refusal, Rule};
use crate::token::Token;

/// Characters of the longest subject.
const MAX_SUBJECT: usize = 255;

/// A caller who was identified by a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The token's `iss`.
    pub issuer: String,
    /// Whom it is about: 1 to 255 characters without control characters.
    pub subject: String,
    /// The tenant whose own token it is: its issuer may vouch for tenants, and one of its roles is [`TENANT`].
    pub tenant: Option<TenantId>,
    /// Its roles, as far as routes know them.
    pub roles: Vec<String>,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
}

impl Bearer {
    /// Who that is.
    #[must_use]
    pub fn actor(&self) -> Actor<'_> {
        Actor::Bearer { issuer: &self.issuer, subject: &self.subject }
    }
}

/// What an issuer's tokens must say, and where they say who it is.
pub(crate) struct Expected {
    /// One of these is `iss`.
    pub issuers: Vec<String>,
    /// One of these is in one of the next claims.
    pub audiences: Vec<String>,
    pub audience_claims: Vec<Claim>,
    /// Each of these claims has one of its values.
    pub require: Vec<(Claim, Vec<Value>)>,
    /// The first of these that is there is the subject.
    pub subject_claims: Vec<Claim>,
    pub roles: Vec<Roles>,
    /// What names the tenant. `None`: these tokens are no tenant's own.
    pub tenant_claim: Option<Claim>,
    /// A token is valid for this long at most, from `iat` to `exp`.
    pub max_lifetime: Duration,
    /// How far the issuer's clock may differ from ours.
    pub leeway: Duration,
    pub max_token_bytes: usize,
}

/// Where roles come from.
pub(crate) struct Roles {
    pub claim: Claim,
    /// The values that count. `None`: all of them.
    pub values: Option<Vec<Value>>,
    /// The role that such a value gives. `None`: the one that it names.
    pub role: Option<String>,
    /// What separates several values in one text.
    pub split: Option<String>,
}

impl Expected {
    /// The caller that these claims are about.
    pub fn bearer(&self, token: &Token<'_>, now: Now) -> Result<Bearer, Refusal> {
        if token.length > self.max_token_bytes {
            return Err(Refusal::new(Rule::TooLong, &format!("{} bytes at most", self.max_token_bytes)));
        }
        let claims = &token.claims;
        let issuer = token.issuer().filter(|iss| self.issuers.iter().any(|known| known == iss));
        let issuer = issuer.ok_or_else(|| Refusal::new(Rule::Issuer, &format!("iss {}", self.issuers.join(" or "))))?;
        let expires = self.in_time(claims, now)?;
        self.for_us(claims)?;
        let subject = self.subject_claims.iter().find_map(|claim| claim.of(claims)).and_then(Value::as_str);
        let subject = subject.filter(|it| is_subject(it)).ok_or_else(|| {
            let claims: Vec<_> = self.subject_claims.iter().map(Claim::as_str).collect();
            Refusal::new(Rule::Subject, &format!("a subject in {}", claims.join(" or ")))
        })?;
        let roles = self.roles(claims);
        let own = roles.iter().any(|role| role == TENANT);
        let tenant = self.tenant_claim.as_ref().filter(|_| own).and_then(|claim| tenant(claim.of(claims)?.as_str()?));
        Ok(Bearer { issuer: issuer.to_owned(), subject: subject.to_owned(), tenant, roles, expires })
    }

    /// When the token ends, if it is valid now.
    fn in_time(&self, claims: &Map<String, Value>, now: Now) -> Result<u64, Refusal> {
        let (now, leeway) = (now.0.as_secs_f64(), self.leeway.as_secs_f64());
        let Some(expires) = date(claims, "exp")?.filter(|expires| now < expires + leeway) else {
            return Err(Refusal::new(
                Rule::Expired,
                &format!("exp within {} s of now, or later", self.leeway.as_secs()),
            ));
        };
        // Without `iat` it counts from now: the token is then valid for that long at most, however old it is.
        if expires - date(claims, "iat")?.unwrap_or(now) > self.max_lifetime.as_secs_f64() {
            let longest = format!("{} s at most from iat to exp", self.max_lifetime.as_secs());
            return Err(Refusal::new(Rule::Lifetime, &longest));
        }
        for name in ["nbf", "iat"] {
            if date(claims, name)?.is_some_and(|begins| now + leeway < begins) {
                let latest = format!("{name} within {} s of now, or earlier", self.leeway.as_secs());
                return Err(Refusal::new(Rule::NotYetValid, &latest));
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
        Ok(expires as u64)
    }

    fn for_us(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        let named = self.audience_claims.iter().flat_map(|claim| each(claim.of(claims))).filter_map(Value::as_str);
        if !named.into_iter().any(|named| self.audiences.iter().any(|ours| ours == named)) {
            let claims: Vec<_> = self.audience_claims.iter().map(Claim::as_str).collect();
            let expected = format!("{} in {}", self.audiences.join(" or "), claims.join(" or "));
            return Err(Refusal::new(Rule::Audience, &expected));
        }
        let missing =
            self.require.iter().find(|(claim, values)| !each(claim.of(claims)).iter().any(|it| values.contains(it)));
        missing.map_or(Ok(()), |(claim, values)| {
            let values: Vec<_> = values.iter().map(Value::to_string).collect();
            Err(Refusal::new(Rule::Required, &format!("{} to be {}", claim.as_str(), values.join(" or "))))
        })
    }

    fn roles(&self, claims: &Map<String, Value>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for role in self.roles.iter().flat_map(|roles| roles.of(claims)) {
            if is_role(role) && !found.iter().any(|known| known == role) {
                found.push(role.to_owned());
            }
        }
        found
    }
}

impl Roles {
    fn of<'a>(&'a self, claims: &'a Map<String, Value>) -> Vec<&'a str> {
        let given = |value: &str| self.values.as_ref().is_none_or(|values| values.iter().any(|it| it == value));
        let mut found = Vec::new();
        let mut take = |text: &'a str| match &self.split {
            Some(separator) => found.extend(text.split(separator.as_str()).filter(|value| given(value))),
            None if given(text) => found.push(text),
            None => {}
        };
        match self.claim.of(claims) {
            // Zitadel: a role is a name, and its value says where it holds.
            Some(Value::Object(members)) => members.keys().for_each(|name| take(name)),
            claim => each(claim).iter().filter_map(Value::as_str).for_each(take),
        }
        let Some(role) = &self.role else { return found };
        // A flag or a number names no role, but may give one.
        let flags = each(self.claim.of(claims)).iter().filter(|value| value.is_boolean() || value.is_number());
        let flagged = flags.into_iter().any(|value| self.values.as_ref().is_some_and(|values| values.contains(value)));
        if flagged || !found.is_empty() { vec![role] } else { Vec::new() }
    }
}

/// A `NumericDate`: seconds since 1970, possibly with a fraction (RFC 7519, section 2).
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Refusal> {
    let number =
        |value: &Value| value.as_f64().ok_or_else(|| Refusal::new(Rule::Malformed, &format!("{name} as a number")));
    claims.get(name).map(number).transpose()
}

/// A tenant's id in the one form in which answers show it.
fn tenant(text: &str) -> Option<TenantId> {
    let id: Uuid = text.parse().ok()?;
    (id.to_string() == text).then_some(TenantId(id))
}

fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_SUBJECT && !text.chars().any(char::is_control)
}

/// Whether a route knows it. No other text of a token is passed on.
pub(crate) fn is_role(text: &str) -> bool {
    domain::routes::roles().any(|role| role == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::algorithm::Algorithm;
    use crate::fixtures::{NOW, claims, now};
    use crate::issuer::Issuers;

    /// The usual claims with these instead, for the flat object with these fields; null removes one.
    fn ask(config: Value, changes: Value, now: Now) -> Result<Bearer, Refusal> {
        let mut entry = json!({ "issuer": "issuer", "audience": "audience", "jwks_url": "https://issuer.example/", "max_lifetime_seconds": 3600 });
        let (Value::Object(config), Value::Object(claims)) = (config, claims(changes)) else { unreachable!("objects") };
        entry.as_object_mut().expect("an object").extend(config);
        let issuers = Issuers::parse(&entry);
        assert_eq!(issuers.mistakes().next(), None, "{entry}");
        let issuer = issuers.usable().next().expect("an entry");
        let (alg, signature) = (Algorithm::Hs256, Vec::new());
        issuer.expected.bearer(&Token { alg, kid: None, claims, signed: b"", signature, length: 1000 }, now)
    }

    fn with(config: Value, changes: Value) -> Result<Bearer, Rule> {
        ask(config, changes, now()).map_err(|refusal| refusal.rule)
    }

    fn check(changes: Value) -> Result<Bearer, Rule> {
        check_at(changes, now())
    }

    fn check_at(changes: Value, now: Now) -> Result<Bearer, Rule> {
        ask(json!({}), changes, now).map_err(|refusal| refusal.rule)
    }

    #[test]
    fn good_claims_name_the_subject_and_its_roles() {
        let bearer = check(json!({})).expect("good");
        assert_eq!(bearer.actor().to_string(), "bearer:issuer|subject");
        assert_eq!((bearer.tenant, bearer.roles), (None, vec!["admin".to_owned()]));
    }

    #[test]
    fn a_token_expires_within_the_leeway() {
        for exp in [json!(NOW + 1), json!(NOW), json!(NOW - 29), json!(1_799_999_970.5)] {
            assert!(check(json!({ "exp": exp })).is_ok(), "{exp}");
        }
        for exp in [json!(NOW - 30), json!(NOW - 31), json!(0), json!(-1), json!(-1e300)] {
            assert_eq!(check(json!({ "exp": exp })), Err(Rule::Expired), "{exp}");
        }
        assert_eq!(check(json!({ "exp": null })), Err(Rule::Expired));
        assert_eq!(check_at(json!({ "exp": u64::MAX >> 1 }), Now(Duration::MAX)), Err(Rule::Expired));
    }

    #[test]
    fn a_token_begins_within_the_leeway() {
        for name in ["nbf", "iat"] {
            assert!(check(json!({ name: null })).is_ok());
            for begins in [NOW - 3000, NOW, NOW + 30] {
                assert!(check(json!({ name: begins })).is_ok(), "{name} {begins}");
            }
            assert_eq!(check(json!({ name: NOW + 31 })), Err(Rule::NotYetValid), "{name}");
        }
    }

    #[test]
    fn a_token_lives_for_as_long_as_it_may() {
        for (iat, exp, good) in [
            (json!(NOW), NOW + 3600, true),
            (json!(NOW), NOW + 3601, false),
            (json!(NOW - 3000), NOW + 600, true),
            (json!(NOW - 3000), NOW + 601, false),
            // A clock that is ahead within the leeway.
            (json!(NOW + 30), NOW + 3630, true),
            (json!(NOW + 30), NOW + 3631, false),
            // Without `iat`, from now.
            (json!(null), NOW + 3600, true),
            (json!(null), NOW + 3601, false),
            (json!(0), NOW + 60, false),
            (json!(-1e300), NOW + 60, false),
            (json!(NOW), u64::MAX, false),
            (json!(null), u64::MAX, false),
        ] {
            let checked = check(json!({ "iat": iat, "exp": exp }));
            assert_eq!(checked.err(), (!good).then_some(Rule::Lifetime), "{iat} {exp}");
        }
        // What says when it begins says nothing of its age.
        assert_eq!(check(json!({ "iat": null, "nbf": NOW - 7200, "exp": NOW + 3601 })), Err(Rule::Lifetime));
    }

    #[test]
    fn a_tenants_own_token_has_its_id_and_the_role() {
        const ID: &str = "01900000-0000-7000-8000-00000000000a";
        let tenant = |sub: &str, role: Value| check(json!({ "sub": sub, "role": role })).expect("good").tenant;
        assert_eq!(tenant(ID, json!("tenant")), Some(TenantId(ID.parse().expect("a UUID"))));
        assert!(tenant(ID, json!(["user", "tenant"])).is_some());
        for role in [json!(null), json!("user"), json!("Tenant"), json!("tenant "), json!("a,tenant"), json!(true)] {
            assert_eq!(tenant(ID, role.clone()), None, "{role}");
        }
        // One form of an id only: two subjects are never one tenant.
        let forms =
            [ID.to_uppercase(), ID.replace('-', ""), format!("{{{ID}}}"), format!("urn:uuid:{ID}"), format!(" {ID}")];
        for sub in forms.iter().map(String::as_str).chain(["tenant", "acme-bank"]) {
            assert_eq!(tenant(sub, json!("tenant")), None, "{sub}");
        }
    }

    #[test]
    fn dates_are_numbers() {
        for name in ["exp", "nbf", "iat"] {
            for value in [json!((NOW + 1).to_string()), json!([NOW + 1]), json!(true), json!({})] {
                assert_eq!(check(json!({ name: value })), Err(Rule::Malformed), "{name} {value}");
            }
        }
        let mut nulls = claims(json!({}));
        nulls["exp"] = Value::Null;
        let refusal = date(nulls.as_object().expect("an object"), "exp").expect_err("no number");
        assert_eq!((refusal.rule, refusal.expected.as_str()), (Rule::Malformed, "exp as a number"));
    }

    #[test]
    fn the_issuer_must_match() {
        for iss in [json!(null), json!("Issuer"), json!("issuer/"), json!(""), json!(["issuer"]), json!(1)] {
            assert_eq!(check(json!({ "iss": iss })), Err(Rule::Issuer), "{iss}");
        }
    }

    #[test]
    fn the_audience_is_ours_or_names_us() {
        for aud in [json!("audience"), json!(["audience"]), json!(["another", "audience"])] {
            assert!(check(json!({ "aud": aud })).is_ok(), "{aud}");
        }
        let wrong = [json!(null), json!("another"), json!([]), json!(["another"]), json!("audience,another")];
        for aud in wrong.into_iter().chain([json!([["audience"]]), json!({ "audience": true }), json!(true)]) {
            assert_eq!(check(json!({ "aud": aud })), Err(Rule::Audience), "{aud}");
        }
    }

    #[test]
    fn a_subject_is_a_short_text_without_control_characters() {
        assert!(check(json!({ "sub": "ü".repeat(255) })).is_ok());
        let wrong = [json!(null), json!(""), json!("a".repeat(256)), json!("a\nb"), json!("a\0"), json!("\u{85}")];
        for sub in wrong.into_iter().chain([json!(1), json!(["subject"])]) {
            assert_eq!(check(json!({ "sub": sub })), Err(Rule::Subject), "{sub}");
        }
    }

    fn roles(config: Value, changes: Value) -> Vec<String> {
        with(config, changes).expect("good").roles
    }

    #[test]
    fn only_roles_that_routes_know_are_passed_on() {
        for (role, found) in [
            (json!(null), &[][..]),
            (json!("admin"), &["admin"][..]),
            (json!(["tenant", "admin", "tenant"]), &["tenant", "admin"][..]),
            (json!(["a", "auditor", "b"]), &["auditor"][..]),
            (json!([]), &[][..]),
            (json!(["a", 1, null, ["admin"], "auditor"]), &["auditor"][..]),
            (json!({ "admin": { "org": "domain" }, "x": {} }), &["admin"][..]),
            (json!(true), &[][..]),
            (json!("user,admin"), &[][..]),
            (json!("user admin"), &[][..]),
            (json!(["a,admin", "", "admin\n", "Admin", " admin", "admin "]), &[][..]),
        ] {
            assert_eq!(roles(json!({}), json!({ "role": role })), found, "{role}");
        }
    }

    #[test]
    fn roles_come_from_where_the_configuration_says() {
        let groups = json!({ "claim": "groups", "values": ["0c8-platform", "0c9"], "role": "admin" });
        let flag = json!({ "claim": "/app_metadata/staff", "values": [true], "role": "auditor" });
        let scopes = json!({ "claim": "scope", "split": " " });
        let chosen = json!({ "claim": "roles", "values": ["tenant"] });
        let urls = json!({ "claim": "https://ivory.example/roles" });
        for (rule, claims, found) in [
            (&groups, json!({ "groups": ["x", "0c9"] }), &["admin"][..]),
            (&groups, json!({ "groups": "0c8-platform" }), &["admin"][..]),
            (&groups, json!({ "groups": ["admin"] }), &[][..]),
            (&groups, json!({ "groups": ["0c8"], "role": "admin" }), &[][..]),
            (&groups, json!({}), &[][..]),
            (&flag, json!({ "app_metadata": { "staff": true } }), &["auditor"][..]),
            (&flag, json!({ "app_metadata": { "staff": "true" } }), &[][..]),
            (&flag, json!({ "app_metadata": { "staff": false } }), &[][..]),
            (&flag, json!({ "app_metadata.staff": true, "/app_metadata/staff": true }), &[][..]),
            (&scopes, json!({ "scope": "openid admin auditor" }), &["admin", "auditor"][..]),
            (&scopes, json!({ "scope": ["openid tenant"] }), &["tenant"][..]),
            (&scopes, json!({ "scope": "administrator admin:read" }), &[][..]),
            (&chosen, json!({ "roles": ["admin", "tenant"] }), &["tenant"][..]),
            (&urls, json!({ "https://ivory.example/roles": ["admin"] }), &["admin"][..]),
        ] {
            assert_eq!(roles(json!({ "roles": [rule] }), claims.clone()), found, "{rule} {claims}");
        }
        let both = json!({ "roles": [groups, scopes] });
        assert_eq!(roles(both, json!({ "groups": ["0c9"], "scope": "tenant admin" })), ["admin", "tenant"]);
    }

    #[test]
    fn audiences_are_one_of_several_in_one_of_several_claims() {
        let config = json!({ "audience": ["one", "two"], "audience_claims": ["client_id", "aud", "/azp/x"] });
        for claims in [
            json!({ "client_id": "one", "aud": null }),
            json!({ "client_id": "another", "aud": ["a", "two"] }),
            json!({ "aud": null, "azp": { "x": "one" } }),
        ] {
            assert!(with(config.clone(), claims.clone()).is_ok(), "{claims}");
        }
        for claims in [json!({}), json!({ "aud": null }), json!({ "aud": ["three"], "azp": "one" })] {
            assert_eq!(with(config.clone(), claims.clone()), Err(Rule::Audience), "{claims}");
        }
        let only = json!({ "audience_claims": ["client_id"] });
        assert_eq!(with(only.clone(), json!({})), Err(Rule::Audience), "aud does not count then");
        assert!(with(only, json!({ "client_id": "audience" })).is_ok());
    }

    #[test]
    fn required_claims_have_one_of_their_values() {
        let config =
            json!({ "require": { "token_use": "access", "/a/b": [1, 2], "email_verified": true, "amr": "mfa" } });
        let good = json!({ "token_use": "access", "a": { "b": 2 }, "email_verified": true, "amr": ["pwd", "mfa"] });
        assert!(with(config.clone(), good.clone()).is_ok());
        for (name, value) in [
            ("token_use", json!("id")),
            ("token_use", json!(null)),
            ("a", json!({ "b": 3 })),
            ("a", json!({ "b": "2" })),
            ("email_verified", json!("true")),
            ("email_verified", json!(false)),
            ("amr", json!(["pwd"])),
            ("amr", json!({ "mfa": true })),
        ] {
            let mut claims = good.clone();
            claims[name] = value.clone();
            assert_eq!(with(config.clone(), claims), Err(Rule::Required), "{name} {value}");
        }
    }

    #[test]
    fn the_subject_is_the_first_claim_that_is_there() {
        let config = json!({ "subject_claims": ["oid", "/user/id", "sub"] });
        for (claims, subject) in [
            (json!({ "oid": "o", "user": { "id": "u" } }), Ok("o")),
            (json!({ "user": { "id": "u" } }), Ok("u")),
            (json!({}), Ok("subject")),
            (json!({ "oid": "" }), Err(Rule::Subject)),
            (json!({ "oid": 1 }), Err(Rule::Subject)),
            (json!({ "sub": null }), Err(Rule::Subject)),
        ] {
            let found = with(config.clone(), claims.clone()).map(|bearer| bearer.subject);
            assert_eq!(found, subject.map(str::to_owned), "{claims}");
        }
    }

    #[test]
    fn a_tenant_is_named_by_its_claim_and_by_an_issuer_that_may() {
        const ID: &str = "01900000-0000-7000-8000-00000000000a";
        const OTHER: &str = "01900000-0000-7000-8000-00000000000b";
        let id = |text: &str| Some(TenantId(text.parse().expect("a UUID")));
        let claims = json!({ "sub": OTHER, "role": "tenant", "ivory_tenant": ID, "app_metadata": { "tenant": ID } });
        for claim in ["ivory_tenant", "/app_metadata/tenant"] {
            let found = with(json!({ "tenant_claim": claim }), claims.clone()).expect("good");
            assert_eq!((found.tenant, found.subject.as_str()), (id(ID), OTHER));
        }
        assert_eq!(with(json!({}), claims.clone()).expect("good").tenant, id(OTHER), "the flat form reads sub");
        assert_eq!(with(json!({ "tenant_claim": "absent" }), claims.clone()).expect("good").tenant, None);
        let mut user = claims.clone();
        user["role"] = json!("auditor");
        assert_eq!(
            with(json!({ "tenant_claim": "ivory_tenant" }), user).expect("good").tenant,
            None,
            "without the role"
        );
        // An entry of a list vouches for no tenant unless it says so.
        let entry = json!({ "issuer": "issuer", "audience": "audience", "jwks_url": "https://issuer.example/" });
        for (more, tenant) in [(json!({}), None), (json!({ "tenant_claim": "sub" }), id(OTHER))] {
            let mut entry = entry.clone();
            entry.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let issuers = Issuers::parse(&json!({ "issuers": [entry] }));
            let issuer = issuers.usable().next().expect("an entry");
            let Value::Object(claims) = crate::fixtures::claims(claims.clone()) else { unreachable!("an object") };
            let token = Token { alg: Algorithm::Hs256, kid: None, claims, signed: b"", signature: vec![], length: 1 };
            assert_eq!(issuer.expected.bearer(&token, now()).expect("good").tenant, tenant);
        }
    }

    #[test]
    fn clocks_differ_by_as_much_as_the_configuration_says() {
        for leeway in [0, 30, 300] {
            let config = json!({ "leeway_seconds": leeway });
            for (claims, rule) in [
                (json!({ "exp": NOW - leeway }), Some(Rule::Expired)),
                (json!({ "exp": NOW - leeway + 1 }), None),
                (json!({ "nbf": NOW + leeway }), None),
                (json!({ "nbf": NOW + leeway + 1 }), Some(Rule::NotYetValid)),
            ] {
                assert_eq!(with(config.clone(), claims.clone()).err(), rule, "{leeway} {claims}");
            }
        }
    }

    #[test]
    fn a_refusal_says_what_was_expected() {
        let config = json!({
            "issuer": ["issuer", "other"], "audience": ["one", "two"], "audience_claims": ["client_id"],
            "require": { "token_use": ["access", 1] }, "subject_claims": ["oid"],
        });
        let good = json!({ "client_id": "one", "token_use": "access", "oid": "o" });
        for (change, expected) in [
            (json!({ "iss": "hush" }), "iss issuer or other"),
            (json!({ "client_id": "hush" }), "one or two in client_id"),
            (json!({ "token_use": "hush" }), "token_use to be \"access\" or 1"),
            (json!({ "oid": null }), "a subject in oid"),
            (json!({ "exp": 1 }), "exp within 30 s of now, or later"),
            (json!({ "exp": NOW + 100_000 }), "3600 s at most from iat to exp"),
            (json!({ "nbf": NOW + 100 }), "nbf within 30 s of now, or earlier"),
        ] {
            let mut claims = good.clone();
            claims.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            let refusal = ask(config.clone(), claims, now()).expect_err("refused");
            assert_eq!((refusal.expected.as_str(), &refusal.seen), (expected, &None), "{change}");
        }
    }

    #[test]
    fn a_token_may_be_as_long_as_the_configuration_says() {
        let issuers = |bytes| {
            let entry = json!({ "issuer": "issuer", "audience": "audience", "jwks_url": "https://a.example/", "max_token_bytes": bytes });
            Issuers::parse(&entry)
        };
        for (bytes, length, good) in
            [(1024, 1024, true), (1024, 1025, false), (10_240, 10_240, true), (8192, 8193, false)]
        {
            let issuers = issuers(bytes);
            let Value::Object(claims) = claims(json!({})) else { unreachable!("an object") };
            let token = Token { alg: Algorithm::Hs256, kid: None, claims, signed: b"", signature: vec![], length };
            let found = issuers.usable().next().expect("an entry").expected.bearer(&token, now());
            assert_eq!(found.err().map(|refusal| refusal.rule), (!good).then_some(Rule::TooLong), "{bytes} {length}");
        }
    }
}
