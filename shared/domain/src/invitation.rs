//! The body of `POST /v1/admin/tenants/{slug}/invitation`.

use serde_json::{Map, Value};

use crate::field::{Optional, body};
use crate::fields::{FieldError, Fields};
use crate::tenant::AdminEmail;

/// A valid request for another mail to a tenant's admin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRequest {
    /// Who is the admin from now on. Absent: who is it already.
    pub admin_email: Option<AdminEmail>,
}

body! {
    InvitationRequest as "InviteAdmin" {
        admin_email: Optional<AdminEmail> = "The tenant's admin from now on; absent: the present one.",
    }
}

impl InvitationRequest {
    /// Reads the request.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        let admin_email = BODY.admin_email.read(&mut fields);
        fields.finish()?;
        Ok(Self { admin_email })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_may_be_absent_but_not_null() {
        let parse = |body: Value| InvitationRequest::parse(body.as_object().expect("an object"));
        assert_eq!(parse(json!({})), Ok(InvitationRequest { admin_email: None }));
        let named = parse(json!({"admin_email": "Chief@acme.com"})).expect("valid").admin_email.expect("an address");
        assert_eq!(named.as_str(), "chief@acme.com");
        for bad in [json!({"admin_email": null}), json!({"admin_email": "nobody"}), json!({"email": "a@b.co"})] {
            assert!(parse(bad).is_err());
        }
    }
}
