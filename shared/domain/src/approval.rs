//! The body of `POST /v1/admin/tenants/{slug}/purge/approval`.

use serde_json::{Map, Value};

use crate::field::{Required, body};
use crate::fields::{FieldError, Fields};
use crate::purge::confirm;
use crate::tenant::Slug;

/// A valid approval of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeApproval;

body! {
    PurgeApproval as "ApprovePurge" {
        confirm: Required<Slug> = "The slug in the path, written once more.",
    }
}

impl PurgeApproval {
    /// Reads the approval for the tenant of this slug.
    pub fn parse(body: &Map<String, Value>, slug: &Slug) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        confirm(&mut fields, BODY.confirm.name, slug);
        fields.finish()?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_approval_names_whose_purge_it_is() {
        let acme = "acme-bank".parse().expect("a slug");
        let parse = |body: Value| PurgeApproval::parse(body.as_object().expect("an object"), &acme);
        assert_eq!(parse(json!({ "confirm": "acme-bank" })), Ok(PurgeApproval));
        for bad in
            [json!({}), json!({ "confirm": "other-bank" }), json!({ "confirm": "acme-bank", "customer": "delete" })]
        {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }
}
