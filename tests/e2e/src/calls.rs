//! One tenant's calls to the outside systems, for rules of the fault proxy. A rule that names no tenant meets the calls for
//! all others too: those of an earlier test's run, of the reconciler and of the check of the regions.

use fault_proxy::client::Match;
use uuid::Uuid;

/// Auth invites the tenant's admin, in step 5 or later.
#[must_use]
pub fn invitation(slug: &str) -> Match {
    Match { body_regex: Some(slug.to_owned()), ..Match::request("POST", "/auth/v1/invite") }
}

/// `FalkorDB` makes the tenant's user, in step 6.
#[must_use]
pub fn graph_user(slug: &str) -> Match {
    Match::command(&format!("^ACL SETUSER client_{slug} reset on "))
}

/// OpenSearch creates the tenant's index, in step 7.
#[must_use]
pub fn index(slug: &str) -> Match {
    Match::request("PUT", &format!("^/client_{slug}_v1$"))
}

/// Stripe creates the tenant's subscription, in step 9 or later.
#[must_use]
pub fn subscription(tenant_id: Uuid) -> Match {
    Match { body_regex: Some(tenant_id.to_string()), ..Match::request("POST", "^/v1/subscriptions$") }
}
