//! The claims of a token, compared with those that are expected.

use std::time::Duration;

use domain::routes::TENANT;
use domain::{Actor, TenantId};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::now::Now;
use crate::token::Refused;

/// Seconds that an issuer's clock may differ from ours.
const LEEWAY: f64 = 30.0;
/// Characters of the longest subject.
const MAX_SUBJECT: usize = 255;

/// A caller who was identified by a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `sub`: 1 to 255 characters without control characters.
    pub subject: String,
    /// The tenant whose own token it is: its subject is the tenant's id, and one of its roles is [`TENANT`].
    pub tenant: Option<TenantId>,
    /// The roles of the configured claim, in its order. None of them contains a comma.
    pub roles: Vec<String>,
}

impl Bearer {
    /// Who that is.
    #[must_use]
    pub fn actor(&self) -> Actor<'_> {
        Actor::Bearer { issuer: &self.issuer, subject: &self.subject }
    }
}

/// The claims that a token must have, and the claim with its roles.
#[derive(Debug)]
pub(crate) struct Expected {
    /// `iss` is this.
    pub issuer: String,
    /// `aud` is this or names it.
    pub audience: String,
    /// The claim with the roles.
    pub role_claim: String,
    /// A token is valid for this long at most, from `iat` to `exp`.
    pub max_lifetime: Duration,
}

impl Expected {
    /// The caller that these claims are about.
    pub fn bearer(&self, claims: &Map<String, Value>, now: Now) -> Result<Bearer, Refused> {
        let now = now.0.as_secs_f64();
        let Some(expires) = date(claims, "exp")?.filter(|expires| now < expires + LEEWAY) else {
            return Err(Refused::Expired);
        };
        // Without `iat` it counts from now: the token is then valid for that long at most, however old it is.
        if expires - date(claims, "iat")?.unwrap_or(now) > self.max_lifetime.as_secs_f64() {
            return Err(Refused::Lifetime);
        }
        for name in ["nbf", "iat"] {
            if date(claims, name)?.is_some_and(|begins| now + LEEWAY < begins) {
                return Err(Refused::NotYetValid);
            }
        }
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(Refused::Issuer);
        }
        if !strings(claims.get("aud")).any(|audience| audience == self.audience) {
            return Err(Refused::Audience);
        }
        let subject = claims.get("sub").and_then(Value::as_str).filter(|it| is_subject(it)).ok_or(Refused::Subject)?;
        let roles = strings(claims.get(&self.role_claim)).filter(|role| is_role(role)).map(str::to_owned).collect();
        let roles: Vec<String> = roles;
        let tenant = roles.iter().any(|role| role == TENANT).then(|| tenant(subject)).flatten();
        Ok(Bearer { issuer: self.issuer.clone(), subject: subject.to_owned(), tenant, roles })
    }
}

/// A `NumericDate`: seconds since 1970, possibly with a fraction (RFC 7519, section 2).
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Refused> {
    claims.get(name).map(|value| value.as_f64().ok_or(Refused::Malformed)).transpose()
}

/// The strings of a claim that is one or an array of them.
fn strings(claim: Option<&Value>) -> impl Iterator<Item = &str> {
    let values = match claim {
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    values.iter().filter_map(Value::as_str)
}

/// A tenant's id in the one form in which answers show it.
fn tenant(subject: &str) -> Option<TenantId> {
    let id: Uuid = subject.parse().ok()?;
    (id.to_string() == subject).then_some(TenantId(id))
}

fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_SUBJECT && !text.chars().any(char::is_control)
}

/// Roles are passed on joined by commas, so a role with a comma would become two.
fn is_role(text: &str) -> bool {
    !text.is_empty() && !text.contains(',') && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{NOW, claims, now};

    /// The usual claims with these instead; null removes one.
    fn check(changes: Value) -> Result<Bearer, Refused> {
        check_at(changes, now())
    }

    fn check_at(changes: Value, now: Now) -> Result<Bearer, Refused> {
        let expected = Expected {
            issuer: "issuer".to_owned(),
            audience: "audience".to_owned(),
            role_claim: "role".to_owned(),
            max_lifetime: Duration::from_hours(1),
        };
        let Value::Object(claims) = claims(changes) else { unreachable!("claims are an object") };
        expected.bearer(&claims, now)
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
            assert_eq!(check(json!({ "exp": exp })), Err(Refused::Expired), "{exp}");
        }
        assert_eq!(check(json!({ "exp": null })), Err(Refused::Expired));
        assert_eq!(check_at(json!({ "exp": u64::MAX >> 1 }), Now(Duration::MAX)), Err(Refused::Expired));
    }

    #[test]
    fn a_token_begins_within_the_leeway() {
        for name in ["nbf", "iat"] {
            assert!(check(json!({ name: null })).is_ok());
            for begins in [NOW - 3000, NOW, NOW + 30] {
                assert!(check(json!({ name: begins })).is_ok(), "{name} {begins}");
            }
            assert_eq!(check(json!({ name: NOW + 31 })), Err(Refused::NotYetValid), "{name}");
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
            assert_eq!(checked.err(), (!good).then_some(Refused::Lifetime), "{iat} {exp}");
        }
        // What says when it begins says nothing of its age.
        assert_eq!(check(json!({ "iat": null, "nbf": NOW - 7200, "exp": NOW + 3601 })), Err(Refused::Lifetime));
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
                assert_eq!(check(json!({ name: value })), Err(Refused::Malformed), "{name} {value}");
            }
        }
        let mut nulls = claims(json!({}));
        nulls["exp"] = Value::Null;
        assert_eq!(date(nulls.as_object().expect("an object"), "exp"), Err(Refused::Malformed));
    }

    #[test]
    fn the_issuer_must_match() {
        for iss in [json!(null), json!("Issuer"), json!("issuer/"), json!(""), json!(["issuer"]), json!(1)] {
            assert_eq!(check(json!({ "iss": iss })), Err(Refused::Issuer), "{iss}");
        }
    }

    #[test]
    fn the_audience_is_ours_or_names_us() {
        for aud in [json!("audience"), json!(["audience"]), json!(["another", "audience"])] {
            assert!(check(json!({ "aud": aud })).is_ok(), "{aud}");
        }
        let wrong = [json!(null), json!("another"), json!([]), json!(["another"]), json!("audience,another")];
        for aud in wrong.into_iter().chain([json!([["audience"]]), json!({ "audience": true }), json!(true)]) {
            assert_eq!(check(json!({ "aud": aud })), Err(Refused::Audience), "{aud}");
        }
    }

    #[test]
    fn a_subject_is_a_short_text_without_control_characters() {
        assert!(check(json!({ "sub": "ü".repeat(255) })).is_ok());
        let wrong = [json!(null), json!(""), json!("a".repeat(256)), json!("a\nb"), json!("a\0"), json!("\u{85}")];
        for sub in wrong.into_iter().chain([json!(1), json!(["subject"])]) {
            assert_eq!(check(json!({ "sub": sub })), Err(Refused::Subject), "{sub}");
        }
    }

    #[test]
    fn roles_are_a_string_or_an_array_of_them() {
        for (role, roles) in [
            (json!(null), &[][..]),
            (json!("admin"), &["admin"][..]),
            (json!(["a", "b"]), &["a", "b"][..]),
            (json!([]), &[][..]),
            (json!(["a", 1, null, ["admin"], "b"]), &["a", "b"][..]),
            (json!({ "admin": true }), &[][..]),
            (json!(true), &[][..]),
            // A role with a comma would become two later.
            (json!("user,admin"), &[][..]),
            (json!(["a,admin", "", "b\n", "c"]), &["c"][..]),
            (json!(" admin"), &[" admin"][..]),
        ] {
            assert_eq!(check(json!({ "role": role })).expect("good").roles, roles, "{role}");
        }
    }
}
