//! The body of `PATCH /v1/admin/tenants/{slug}`.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::words::Invalid;
use crate::{DisplayName, FieldError, Fields, Patch, Tier};

/// A host name of a tenant's own, in lower case: two labels at least, the last of them no number (RFC 1123, 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomDomain(String);

impl CustomDomain {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this domain, or lies below it.
    #[must_use]
    pub fn is_within(&self, domain: &str) -> bool {
        self.0.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl FromStr for CustomDomain {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const BAD: Invalid = Invalid("must be a host name such as bank.example.com, in ASCII");
        let name = text.to_ascii_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        let sound = |label: &&str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let top_is_a_name = labels.last().is_some_and(|top| top.bytes().any(|byte| byte.is_ascii_lowercase()));
        if name.len() > 253 || labels.len() < 2 || !labels.iter().all(sound) || !top_is_a_name {
            return Err(BAD);
        }
        Ok(Self(name))
    }
}

/// A valid change of a tenant: what is absent stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantChange {
    /// Name for people.
    pub display_name: Option<DisplayName>,
    /// Tier.
    pub tier: Option<Tier>,
    /// Domain of its own.
    pub custom_domain: Patch<CustomDomain>,
}

impl TenantChange {
    /// The names of its fields; there are no others.
    pub const FIELDS: [&'static str; 3] = ["display_name", "tier", "custom_domain"];

    /// Reads the request; `platform_domains`, in lower case, are the installation's own, which no tenant may have a part of.
    pub fn parse(body: &Map<String, Value>, platform_domains: &[String]) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, &Self::FIELDS);
        let display_name = fields.optional("display_name");
        let tier = fields.optional("tier");
        let custom_domain: Patch<CustomDomain> = fields.patch("custom_domain");
        if let Patch::Set(domain) = &custom_domain
            && platform_domains.iter().any(|platform| domain.is_within(platform))
        {
            fields.fail("custom_domain", "must not be a domain of the platform or lie below one");
        }
        fields.finish()?;
        Ok(Self { display_name, tier, custom_domain })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<TenantChange, Vec<FieldError>> {
        TenantChange::parse(body.as_object().expect("an object"), &["ivory.finance".to_owned()])
    }

    #[test]
    fn what_is_absent_stays() {
        let nothing = TenantChange { display_name: None, tier: None, custom_domain: Patch::Keep };
        assert_eq!(parse(&json!({})), Ok(nothing.clone()));
        let cleared = TenantChange { custom_domain: Patch::Clear, ..nothing };
        assert_eq!(parse(&json!({"custom_domain": null})), Ok(cleared));
        for field in ["display_name", "tier"] {
            assert_eq!(parse(&json!({field: null})).expect_err("null")[0].field, field);
        }
    }

    #[test]
    fn domains_are_host_names_in_lower_case() {
        let domain = "Bank.Example.COM".parse::<CustomDomain>().expect("valid");
        assert_eq!(domain.as_str(), "bank.example.com");
        assert!("xn--bnk-qla.example".parse::<CustomDomain>().is_ok());
        let long = format!("{}.com", "a".repeat(64));
        for bad in [
            "",
            "com",
            ".com",
            "a.",
            "a..com",
            "-a.com",
            "a-.com",
            "a_b.com",
            "a b.com",
            "bänk.com",
            "127.0.0.1",
            "bank.com:443",
            "https://bank.com",
            "*.bank.com",
            &long,
        ] {
            assert!(bad.parse::<CustomDomain>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_platforms_domains_are_its_own() {
        for ours in ["ivory.finance", "acme.ivory.finance", "A.B.IVORY.FINANCE"] {
            assert_eq!(parse(&json!({"custom_domain": ours})).expect_err("ours")[0].field, "custom_domain");
        }
        for other in ["notivory.finance", "ivory.finance.example.com"] {
            assert!(parse(&json!({"custom_domain": other})).is_ok(), "{other}");
        }
    }
}
