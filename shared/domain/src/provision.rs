//! The body of `POST /v1/admin/tenants`.

use serde_json::{Map, Value};

use crate::field::{Confirmation, Optional, Required, body};
use crate::fields::{FieldError, Fields};
use crate::reserved;
use crate::tenant::{AdminEmail, DisplayName, NewSlug, Region, Slug, Tier};
use crate::words::Invalid;

/// A valid request for a new tenant, or for resuming a failed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionRequest {
    /// The tenant's slug.
    pub slug: Slug,
    /// The tenant's display name.
    pub display_name: DisplayName,
    /// Where its data stays.
    pub region: Region,
    /// What it pays for. Absent means [`ProvisionRequest::DEFAULT_TIER`] for a new row, and the stored tier for a
    /// resume.
    pub tier: Option<Tier>,
    /// Who is invited.
    pub admin_email: AdminEmail,
}

body! {
    ProvisionRequest as "ProvisionTenant" {
        slug: Required<NewSlug>,
        display_name: Required<DisplayName>,
        region: Required<Region>,
        tier: Optional<Tier> = "`enterprise` for a new tenant, the stored one for a resume.",
        admin_email: Required<AdminEmail> = "Receives the invitation of step 5.",
        data_residency_verified: Confirmation = "Confirms that the region's residency requirements were verified.",
    }
}

impl ProvisionRequest {
    /// The tier of a new tenant if the request names none.
    pub const DEFAULT_TIER: Tier = Tier::Enterprise;

    /// The slug that a request names, whatever else is wrong with it.
    #[must_use]
    pub fn slug_in(body: &Map<String, Value>) -> Option<Slug> {
        body.get(BODY.slug.name)?.as_str()?.parse().ok()
    }

    /// The slug that a request names, if no new tenant gets it. `reserved` are those that the installation adds.
    #[must_use]
    pub fn slug_of_old(body: &Map<String, Value>, reserved: &[String]) -> Option<Slug> {
        let slug = Self::slug_in(body)?;
        reserved::check(&slug, reserved).is_err().then_some(slug)
    }

    /// Reads a request for a new tenant. `reserved` are the slugs that no tenant of this installation gets.
    pub fn parse(body: &Map<String, Value>, reserved: &[String]) -> Result<Self, Vec<FieldError>> {
        Self::read(body, |slug| reserved::check(slug, reserved))
    }

    /// Reads a request for a tenant that there is, whatever its slug.
    pub fn parse_for_old(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Self::read(body, |_| Ok(()))
    }

    fn read(
        body: &Map<String, Value>,
        check: impl FnOnce(&Slug) -> Result<(), Invalid>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        let slug = BODY.slug.read(&mut fields).map(|NewSlug(slug)| slug);
        if let Some(Err(Invalid(message))) = slug.as_ref().map(check) {
            fields.fail(BODY.slug.name, message);
        }
        let display_name = BODY.display_name.read(&mut fields);
        let region = BODY.region.read(&mut fields);
        let tier = BODY.tier.read(&mut fields);
        let admin_email = BODY.admin_email.read(&mut fields);
        BODY.data_residency_verified.read(&mut fields);
        fields.finish()?;
        match (slug, display_name, region, admin_email) {
            (Some(slug), Some(display_name), Some(region), Some(admin_email)) => {
                Ok(Self { slug, display_name, region, tier, admin_email })
            }
            _ => unreachable!("an error was noted for a field without a value"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<ProvisionRequest, Vec<FieldError>> {
        ProvisionRequest::parse(body.as_object().expect("an object"), &["api".to_owned(), "www".to_owned()])
    }

    fn valid() -> Value {
        json!({"slug": "acme-bank", "display_name": "Acme Bank", "region": "us-east-1", "tier": "enterprise",
               "admin_email": "Admin@acmebank.com", "data_residency_verified": true})
    }

    #[test]
    fn the_documented_example_is_valid() {
        let request = parse(&valid()).expect("valid");
        assert_eq!(request.admin_email.as_str(), "admin@acmebank.com");
        assert_eq!(request.tier, Some(Tier::Enterprise));
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let errors = parse(&json!({"slug": "-", "region": "mars", "teir": "pilot", "tier": 3,
            "admin_email": null, "data_residency_verified": "true"}))
        .expect_err("invalid");
        let named: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(named, ["teir", "slug", "display_name", "region", "tier", "admin_email", "data_residency_verified"]);
        assert_eq!(errors[0].message, "is not a known field; did you mean tier?");
    }

    #[test]
    fn a_reserved_slug_is_refused() {
        let mut body = valid();
        body["slug"] = "api".into();
        assert_eq!(parse(&body).expect_err("reserved")[0].message, "is reserved");
    }

    #[test]
    fn a_tenant_that_has_a_reserved_slug_keeps_it() {
        let reserved = ["ours".to_owned()];
        for slug in ["admin", "ours", "xn--bnk-qla", "019a0000000070008000000000000001"] {
            let mut body = valid();
            body["slug"] = slug.into();
            let body = body.as_object().expect("an object");
            let old = ProvisionRequest::slug_of_old(body, &reserved).expect("not given any more");
            assert!(ProvisionRequest::parse(body, &reserved).is_err());
            assert_eq!(ProvisionRequest::parse_for_old(body).expect("valid").slug, old);
        }
        assert_eq!(ProvisionRequest::slug_of_old(valid().as_object().expect("an object"), &reserved), None);
    }

    #[test]
    fn residency_must_be_confirmed() {
        for value in [json!(false), json!(1), json!("true"), Value::Null] {
            let mut body = valid();
            body["data_residency_verified"] = value;
            assert_eq!(parse(&body).expect_err("unconfirmed")[0].field, "data_residency_verified");
        }
    }
}
