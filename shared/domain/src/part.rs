//! The parts of a tenant that a check asks for, and the body of `POST /v1/admin/tenants/{slug}/repair`.

use serde_json::{Map, Value};

use crate::field::{Several, body};
use crate::fields::{FieldError, Fields};
use crate::words::words;

words! {
    /// A part of a tenant in an outside system.
    TenantPart, "must be a part of a tenant, as a check names them" {
        /// The Supabase project is healthy.
        Project = "project",
        /// The tenant's secret has the project's keys and pooler, and Auth accepts the key.
        Keys = "keys",
        /// The tenant's database has this release's migrations.
        Schema = "schema",
        /// It has the rows that the migrations ship.
        Seed = "seed",
        /// The tenant's admin was invited, may log in, and has the role.
        Invitation = "invitation",
        /// The graph is there, with the tenant's node.
        Graph = "graph",
        /// The graph's user has exactly its rights.
        GraphUser = "graph_user",
        /// The index is there, with its mapping.
        SearchIndex = "search_index",
        /// The alias leads to the whole index, and to nothing else.
        SearchAlias = "search_alias",
        /// Stripe's customer is there.
        Customer = "customer",
        /// Its subscription goes on, if the tier is paid for.
        Subscription = "subscription",
        /// The subscription has the tier's price.
        Price = "price",
        /// The middleware's cache holds no entry for ever.
        Cache = "cache",
        /// The credentials of a catalog are there, in the version that its row names.
        CatalogSecret = "catalog_secret",
        /// A namespace into which tables are synced is there.
        Namespace = "namespace",
    }
}

words! {
    /// What a check found.
    PartState, "must be a state of a part" {
        /// It is as it should be.
        Ok = "ok",
        /// It is not. The hint says what to do.
        Broken = "broken",
        /// It could not be asked for, or not in time. The hint says why.
        NotAsked = "not_asked",
        /// The tenant needs none: not yet, not any more, or not with its tier.
        NotNeeded = "not_needed",
    }
}

words! {
    /// What a repair did.
    RepairOutcome, "must be an outcome of a repair" {
        /// It was broken and is as it should be.
        Mended = "mended",
        /// Nothing had to be done.
        Sound = "sound",
        /// It was tried. The hint says why it did not succeed.
        Failed = "failed",
        /// It is broken, and a repair cannot bring it back. The hint says who can.
        Left = "left",
    }
}

impl TenantPart {
    /// Whether a repair can bring it back without losing data.
    #[must_use]
    pub const fn is_repairable(self) -> bool {
        match self {
            Self::Keys | Self::Schema | Self::GraphUser | Self::SearchAlias | Self::Subscription | Self::Cache => true,
            Self::Project
            | Self::Seed
            | Self::Invitation
            | Self::Graph
            | Self::SearchIndex
            | Self::Customer
            | Self::Price
            | Self::CatalogSecret
            | Self::Namespace => false,
        }
    }

    /// What its repair brings back: itself, and what is made or changed with it.
    #[must_use]
    pub const fn with_its_own(self) -> &'static [Self] {
        match self {
            Self::Project => &[Self::Project],
            Self::Keys => &[Self::Keys],
            Self::Schema => &[Self::Schema],
            Self::Seed => &[Self::Seed],
            Self::Invitation => &[Self::Invitation],
            Self::Graph => &[Self::Graph],
            Self::GraphUser => &[Self::GraphUser],
            Self::SearchIndex => &[Self::SearchIndex],
            Self::SearchAlias => &[Self::SearchAlias],
            Self::Customer => &[Self::Customer],
            // A subscription's customer is made before it, and it is made with its price.
            Self::Subscription => &[Self::Customer, Self::Subscription, Self::Price],
            Self::Price => &[Self::Price],
            Self::Cache => &[Self::Cache],
            Self::CatalogSecret => &[Self::CatalogSecret],
            Self::Namespace => &[Self::Namespace],
        }
    }
}

/// How many parts there are.
const PARTS: usize = TenantPart::ALL.len();

/// A valid request for a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairRequest {
    /// What is to be repaired, each once.
    pub resources: Vec<TenantPart>,
}

body! {
    RepairRequest as "RepairTenant" {
        resources: Several<TenantPart, PARTS> = "What is to be repaired.",
    }
}

impl RepairRequest {
    /// Reads the request.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        let resources = BODY.resources.read(&mut fields);
        fields.finish()?;
        Ok(Self { resources })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn at_least_one_known_part_is_named() {
        let parse = |body: Value| RepairRequest::parse(body.as_object().expect("an object"));
        let named = parse(json!({ "resources": ["cache", "graph_user"] })).expect("valid");
        assert_eq!(named.resources, [TenantPart::Cache, TenantPart::GraphUser]);
        for bad in [
            json!({}),
            json!({ "resources": null }),
            json!({ "resources": [] }),
            json!({ "resources": "cache" }),
            json!({ "resources": ["cache", "cache"] }),
            json!({ "resources": ["everything"] }),
            json!({ "resources": [1] }),
            json!({ "parts": ["cache"] }),
        ] {
            let errors = parse(bad.clone()).expect_err("not valid");
            assert!(errors.iter().all(|error| !error.message.is_empty()), "{bad}: {errors:?}");
        }
        let all: Vec<_> = TenantPart::ALL.iter().map(|part| part.as_str()).collect();
        assert_eq!(parse(json!({ "resources": all })).expect("valid").resources, TenantPart::ALL);
    }

    #[test]
    fn a_repair_brings_back_what_was_asked_for() {
        for part in TenantPart::ALL {
            assert!(part.with_its_own().contains(part), "{part}");
            assert!(part.is_repairable() || part.with_its_own() == [*part], "{part}");
        }
    }
}
