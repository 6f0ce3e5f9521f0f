//! The body of `POST /v1/admin/tenants`.

use serde_json::{Map, Value};

use crate::{AdminEmail, DisplayName, FieldError, Fields, Region, Slug, Tier};

/// A valid request for a new tenant, or for resuming a failed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionRequest {
    /// The tenant's name in URLs.
    pub slug: Slug,
    /// The tenant's name for people.
    pub display_name: DisplayName,
    /// Where its data stays.
    pub region: Region,
    /// What it pays for; absent means [`ProvisionRequest::DEFAULT_TIER`] for a new row and the stored one for a resume.
    pub tier: Option<Tier>,
    /// Who is invited.
    pub admin_email: AdminEmail,
}

impl ProvisionRequest {
    /// The tier of a new tenant whose request names none.
    pub const DEFAULT_TIER: Tier = Tier::Enterprise;

    /// The names of its fields; there are no others.
    pub const FIELDS: [&'static str; 6] =
        ["slug", "display_name", "region", "tier", "admin_email", "data_residency_verified"];

    /// Reads the request; `reserved` are the slugs this installation keeps for itself.
    pub fn parse(body: &Map<String, Value>, reserved: &[String]) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, &Self::FIELDS);
        let slug: Option<Slug> = fields.required("slug");
        if slug.as_ref().is_some_and(|slug| reserved.iter().any(|r| r == slug.as_str())) {
            fields.fail("slug", "is reserved");
        }
        let display_name = fields.required("display_name");
        let region = fields.required("region");
        let tier = fields.optional("tier");
        let admin_email = fields.required("admin_email");
        fields.must_be_true("data_residency_verified");
        fields.finish()?;
        match (slug, display_name, region, admin_email) {
            (Some(slug), Some(display_name), Some(region), Some(admin_email)) => {
                Ok(Self { slug, display_name, region, tier, admin_email })
            }
            _ => unreachable!("a missing field was noted as an error"),
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
    fn residency_must_be_confirmed() {
        for value in [json!(false), json!(1), json!("true"), Value::Null] {
            let mut body = valid();
            body["data_residency_verified"] = value;
            assert_eq!(parse(&body).expect_err("unconfirmed")[0].field, "data_residency_verified");
        }
    }
}
