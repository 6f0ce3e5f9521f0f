//! The parts of a tenant.

use std::fmt;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schema::{self, Chars, field_schema, text_schema};
use crate::text::{HOST_NAME, is_host_name};
use crate::words::{Invalid, words};
use crate::{reserved, visible};

/// Identifies a tenant for good; time-ordered (UUID v7), so that lists by id are lists by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

field_schema!(TenantId, json!({ "type": "string", "format": "uuid" }));

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TenantId {
    type Err = Invalid;

    /// Accepts only the form with hyphens, because 32 digits without hyphens are a slug.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let id = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
        id.map(Self).ok_or(Invalid("must be a UUID"))
    }
}

/// The tenant's URL-safe name. It becomes a DNS label, so it neither starts nor ends with a hyphen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

text_schema!(Slug, |text| text
    .description(Some("The tenant's URL-safe name; it becomes a DNS label."))
    .pattern(Some(Slug::pattern())));

impl Slug {
    const MIN: usize = 3;
    const MAX: usize = 48;
    const INSIDE: Chars = Chars("a-z0-9-");
    const AT_THE_ENDS: Chars = Chars("a-z0-9");
    const BAD: Invalid = Invalid("must be 3 to 48 lower-case letters, digits and hyphens");

    /// The rule as a regular expression.
    #[must_use]
    pub fn pattern() -> String {
        let (Chars(ends), Chars(inside)) = (Self::AT_THE_ENDS, Self::INSIDE);
        format!("^[{ends}][{inside}]{{{},{}}}[{ends}]$", Self::MIN - 2, Self::MAX - 2)
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let [first, .., last] = text.as_bytes() else { return Err(Self::BAD) };
        if !(Self::MIN..=Self::MAX).contains(&text.len()) || !text.bytes().all(|byte| Self::INSIDE.contains(byte)) {
            return Err(Self::BAD);
        }
        if ![first, last].into_iter().all(|byte| Self::AT_THE_ENDS.contains(*byte)) {
            return Err(Invalid("must neither start nor end with a hyphen"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A slug in a request for a new tenant: some are not given any more.
pub(crate) struct NewSlug(pub Slug);

impl FromStr for NewSlug {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self)
    }
}

field_schema!(
    NewSlug,
    json!({
        "type": "string",
        "description": "The tenant's URL-safe name; it becomes a DNS label. A new tenant gets none that is a UUID, looks like an encoded domain name, or \
                        is reserved, here or by the installation.",
        "pattern": Slug::pattern(),
        "not": reserved::schema(),
    })
);

/// The tenant's name for people, 1–200 characters after trimming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DisplayName(String);

field_schema!(
    DisplayName,
    json!({
        "type": "string",
        "description": "The tenant's name for people; white space around it is taken off, then it has 1 to 200 characters. It has no control \
            characters, no marks that change the direction of writing, and invisible characters only where writing needs them: joiners in \
            emoji and in scripts such as Persian, variation selectors.",
        "pattern": visible::trimmed_pattern(DisplayName::MAX),
        // Some generators fail to make one of the pattern.
        "example": "Acme Bank",
    })
);

impl DisplayName {
    const MAX: usize = 200;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that a tenant has already, whatever is asked of new ones today.
    #[must_use]
    pub const fn stored(name: String) -> Self {
        Self(name)
    }
}

impl FromStr for DisplayName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if !(1..=Self::MAX).contains(&text.chars().count()) {
            return Err(Invalid("must be 1 to 200 characters long, not counting white space around it"));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid("must not contain control characters"));
        }
        visible::check(text)?;
        Ok(Self(text.to_owned()))
    }
}

/// The tenant admin's address in lower case, which is the form that comparisons use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AdminEmail(String);

field_schema!(AdminEmail, {
    const ATOM: &str = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    json!({
        "type": "string",
        "format": "email",
        "description": "A deliverable address, kept and compared in lower case.",
        "maxLength": 254,
        "pattern": format!(r"^{ATOM}(\.{ATOM})*@{HOST_NAME}$"),
        "not": schema::text("^[^@]{65}"),
    })
});

impl AdminEmail {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address that a tenant has already, whatever is asked of new ones today.
    #[must_use]
    pub const fn stored(address: String) -> Self {
        Self(address)
    }
}

impl FromStr for AdminEmail {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const BAD: Invalid = Invalid("must be a deliverable e-mail address such as admin@example.com");
        // The standards allow more (quoted local parts, address literals, host names without a dot), but no mail
        // provider delivers there, so the invitation could never arrive.
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let address = EmailAddress::parse_with_options(text, options).map_err(|_| BAD)?;
        let sound = text.is_ascii() && text.len() <= 254 && !address.local_part().starts_with('"');
        if !sound || !is_host_name(&address.domain().to_ascii_lowercase()) {
            return Err(BAD);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

words! {
    /// Where a tenant's data stays.
    Region, "must be one of us-east-1, eu-central-1, ap-southeast-1" {
        /// Northern Virginia.
        UsEast1 = "us-east-1",
        /// Frankfurt.
        EuCentral1 = "eu-central-1",
        /// Singapore.
        ApSoutheast1 = "ap-southeast-1",
    }
}

words! {
    /// What the tenant pays for.
    Tier, "must be one of pilot, enterprise, enterprise_plus" {
        /// No subscription.
        Pilot = "pilot",
        /// A subscription.
        Enterprise = "enterprise",
        /// A larger subscription.
        EnterprisePlus = "enterprise_plus",
    }
}

words! {
    /// How far a tenant is.
    ProvisioningState, "must be one of provisioning, active, failed, deprovisioned" {
        /// The pipeline runs, or is about to.
        Provisioning = "provisioning",
        /// Live.
        Active = "active",
        /// The pipeline gave up at a step; the next POST resumes.
        Failed = "failed",
        /// Switched off, resources kept.
        Deprovisioned = "deprovisioned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for good in ["acme-bank", "abc", "a1-", "000"].map(|s| (s, !s.ends_with('-'))) {
            assert_eq!(good.0.parse::<Slug>().is_ok(), good.1, "{}", good.0);
        }
        let longest = "a".repeat(48);
        assert!(longest.parse::<Slug>().is_ok());
        for bad in ["", "ab", "Acme", "a_b", "-ab", "ab-", "a b", "ächme", "a.b", &"a".repeat(49)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tenant_ids_are_hyphenated() {
        let id = "019a0000-0000-7000-8000-000000000001";
        assert_eq!(id.parse::<TenantId>().expect("valid").to_string(), id);
        for bad in ["", "acme", "019a000000007000800000000000000a", "{019a0000-0000-7000-8000-000000000001}"] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_lower_cased_and_deliverable() {
        assert_eq!("Admin@AcmeBank.com".parse::<AdminEmail>().expect("valid").as_str(), "admin@acmebank.com");
        let longest_label = format!("a@{}.de", "b".repeat(63));
        for good in [
            "a.b+c@sub.example.co",
            "o'neil@b-c.de",
            "a@xn--bcher-kva.example",
            "a@1and1.com",
            "_@b.xn--p1ai",
            &longest_label,
        ] {
            assert!(good.parse::<AdminEmail>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "a@b@c.de",
            "@b.de",
            "a@[127.0.0.1]",
            "\"a b\"@c.de",
            "A <a@b.de>",
            "a@b..de",
            "a@ü.de",
            " a@b.de",
            "a@127.0.0.1",
            "a@127.1",
            "a@0x7f.0.0.1.9",
            "a@b_c.de",
            "a@-b.de",
            "a@b-.de",
            "a@b.d_e",
            "a@b.de.",
            "a@b.123",
            "a@.de",
            &format!("a@{}.de", "b".repeat(64)),
            "a.@b.de",
            ".a@b.de",
            "a..b@c.de",
            &format!("{}@b.de", "a".repeat(65)),
            "a@b.de\n",
            "a@b.de,c@d.de",
            "a@b.de;c@d.de",
            "mailto:a@b.de",
            "a(b)@c.de",
        ] {
            assert!(bad.parse::<AdminEmail>().is_err(), "{bad}");
        }
    }

    #[test]
    fn display_names_are_trimmed() {
        assert_eq!("  Acme Bank ".parse::<DisplayName>().expect("valid").as_str(), "Acme Bank");
        assert!("ü".repeat(200).parse::<DisplayName>().is_ok());
        for bad in ["", "   ", "a\u{0}b", "a\nb", &"ü".repeat(201)] {
            assert!(bad.parse::<DisplayName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn each_word_has_one_spelling() {
        for tier in Tier::ALL {
            assert_eq!(tier.as_str().parse::<Tier>(), Ok(*tier));
        }
        assert!("Enterprise".parse::<Tier>().is_err());
    }
}
