//! The body of `PATCH /v1/admin/tenants/{slug}`.

use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::field::{Optional, Patched, body};
use crate::fields::{FieldError, Fields, Patch};
use crate::schema::field_schema;
use crate::tenant::{DisplayName, Tier};
use crate::text::{HOST_NAME, is_host_name};
use crate::words::Invalid;

/// A host name of a tenant's own, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomDomain(String);

field_schema!(
    CustomDomain,
    json!({
        "type": "string",
        "maxLength": CustomDomain::MAX,
        "pattern": format!("^{HOST_NAME}$"),
    })
);

impl CustomDomain {
    const MAX: usize = 253;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this domain, or lies below it. `domain` may be in upper or lower case.
    #[must_use]
    pub fn is_within(&self, domain: &str) -> bool {
        self.0.strip_suffix(&domain.to_ascii_lowercase()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl FromStr for CustomDomain {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const BAD: Invalid = Invalid("must be a host name such as bank.example.com, in ASCII");
        let name = text.to_ascii_lowercase();
        if name.len() > Self::MAX || !is_host_name(&name) {
            return Err(BAD);
        }
        Ok(Self(name))
    }
}

/// A valid change of a tenant. Fields that are absent stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantChange {
    /// Name for people.
    pub display_name: Option<DisplayName>,
    /// Tier.
    pub tier: Option<Tier>,
    /// The tenant's own domain.
    pub custom_domain: Patch<CustomDomain>,
}

body! {
    TenantChange as "UpdateTenant" {
        display_name: Optional<DisplayName>,
        tier: Optional<Tier> = "Changes billing; needs an active tenant.",
        custom_domain: Patched<CustomDomain> = "A host name of the tenant's own, kept in lower case; null clears it.",
    }
}

impl TenantChange {
    /// Reads the request. `platform_domains` are the installation's own: no tenant can have one of them, or one below
    /// them.
    pub fn parse(body: &Map<String, Value>, platform_domains: &[String]) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        let display_name = BODY.display_name.read(&mut fields);
        let tier = BODY.tier.read(&mut fields);
        let custom_domain = BODY.custom_domain.read(&mut fields);
        if let Patch::Set(domain) = &custom_domain
            && platform_domains.iter().any(|platform| domain.is_within(platform))
        {
            fields.fail(BODY.custom_domain.name, "must not be a domain of the platform or lie below one");
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
        TenantChange::parse(body.as_object().expect("an object"), &["Ivory.finance".to_owned()])
    }

    #[test]
    fn absent_fields_stay_as_they_are() {
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
    fn no_tenant_gets_a_domain_of_the_platform() {
        for ours in ["ivory.finance", "acme.ivory.finance", "A.B.IVORY.FINANCE"] {
            assert_eq!(parse(&json!({"custom_domain": ours})).expect_err("ours")[0].field, "custom_domain");
        }
        for other in ["notivory.finance", "ivory.finance.example.com"] {
            assert!(parse(&json!({"custom_domain": other})).is_ok(), "{other}");
        }
    }
}
