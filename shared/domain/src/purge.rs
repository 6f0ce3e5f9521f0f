//! The purge of a deprovisioned tenant: what is asked for, its steps, what is proved of each resource, and when its slug is free.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::field::{Defaulted, Optional, Required, body};
use crate::fields::{FieldError, Fields};
use crate::schema::field_schema;
use crate::step::steps;
use crate::tenant::{Slug, Tier};
use crate::text::{NO_CONTROLS, out_of_bounds, plain};
use crate::words::{Invalid, words};

/// How long the data of a paid tier can be retrieved after a DELETE, unless a second consumer agrees to less: the period of the EU
/// Data Act.
pub const PAID_RETRIEVAL_DAYS: u32 = 30;

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

words! {
    /// How far a purge is.
    PurgeState, "must be one of waiting_approval, running, failed, done, withdrawn" {
        /// Another consumer has to approve it.
        WaitingApproval = "waiting_approval",
        /// Its execution runs, or is about to.
        Running = "running",
        /// It gave up at a step; the next POST goes on there.
        Failed = "failed",
        /// Everything is gone, or kept and named; the certificate is signed.
        Done = "done",
        /// The tenant was restored before anything was lost.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// What becomes of the customer at Stripe.
    CustomerPolicy, "must be one of keep, delete" {
        /// It stays, with its invoices.
        Keep = "keep",
        /// It is deleted, which cannot be undone, and which an open invoice forbids.
        Delete = "delete",
    }
}

#[expect(clippy::derivable_impls, reason = "`words!` takes no attributes of variants")]
impl Default for CustomerPolicy {
    fn default() -> Self {
        Self::Keep
    }
}

words! {
    /// What becomes of the data in the tenant's namespace of the lakehouse.
    DataPolicy, "must be one of drop, keep" {
        /// The tables are dropped with their files.
        Drop = "drop",
        /// They stay, and the certificate names them.
        Keep = "keep",
    }
}

#[expect(clippy::derivable_impls, reason = "`words!` takes no attributes of variants")]
impl Default for DataPolicy {
    fn default() -> Self {
        Self::Drop
    }
}

/// What is deleted and what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PurgePolicies {
    /// The customer at Stripe.
    pub customer: CustomerPolicy,
    /// The data in the lakehouse.
    pub data: DataPolicy,
}

impl PurgePolicies {
    /// The first step whose effect cannot be undone. Before it begins, the tenant can still be restored.
    #[must_use]
    pub const fn point_of_no_return(self) -> PurgeStep {
        match self.customer {
            CustomerPolicy::Delete => PurgeStep::EndSubscription,
            CustomerPolicy::Keep => PurgeStep::DeleteIndex,
        }
    }
}

steps! {
    /// One task of the purge's state machine.
    PurgeStep of "purge", "One of the eight steps of a purge." {
        /// The cache's entries, the API keys, the graph's user, the search alias.
        CloseAccess = 1 "close-access",
        /// The subscription, and the customer if it is to be deleted.
        EndSubscription = 2 "end-subscription",
        /// The search index.
        DeleteIndex = 3 "delete-index",
        /// The graph and its user.
        DeleteGraph = 4 "delete-graph",
        /// The namespace in the lakehouse, then the catalogs' secrets.
        DropNamespace = 5 "drop-namespace",
        /// The Supabase project with its backups.
        DeleteProject = 6 "delete-project",
        /// The tenant's secret.
        DeleteSecrets = 7 "delete-secrets",
        /// The certificate, and the slug if it is free.
        SignCertificate = 8 "sign-certificate",
    }
}

words! {
    /// What a purge deletes or keeps.
    PurgedKind, "is no kind of resource that a purge knows" {
        /// The entries in the middleware's cache.
        CacheEntries = "cache_entries",
        /// The project's API keys.
        ApiKeys = "api_keys",
        /// The alias of the search index.
        SearchAlias = "search_alias",
        /// The subscription at Stripe.
        StripeSubscription = "stripe_subscription",
        /// The customer at Stripe.
        StripeCustomer = "stripe_customer",
        /// The search index.
        SearchIndex = "search_index",
        /// The graph.
        Graph = "graph",
        /// The user of the graph.
        GraphUser = "graph_user",
        /// The namespace in the lakehouse, one for each catalog.
        Namespace = "namespace",
        /// A catalog's secret.
        CatalogSecret = "catalog_secret",
        /// The Supabase project.
        SupabaseProject = "supabase_project",
        /// The tenant's secret.
        TenantSecret = "tenant_secret",
    }
}

impl PurgedKind {
    /// Whether it is found by a name made of nothing but the slug. The slug's next owner would find it too.
    #[must_use]
    pub const fn is_named_by_slug(self) -> bool {
        match self {
            Self::CacheEntries
            | Self::SearchAlias
            | Self::SearchIndex
            | Self::Graph
            | Self::GraphUser
            | Self::Namespace => true,
            Self::ApiKeys
            | Self::StripeSubscription
            | Self::StripeCustomer
            | Self::CatalogSecret
            | Self::SupabaseProject
            | Self::TenantSecret => false,
        }
    }

    /// Which step deletes it.
    #[must_use]
    pub const fn step(self) -> PurgeStep {
        match self {
            Self::CacheEntries | Self::ApiKeys | Self::SearchAlias => PurgeStep::CloseAccess,
            Self::StripeSubscription | Self::StripeCustomer => PurgeStep::EndSubscription,
            Self::SearchIndex => PurgeStep::DeleteIndex,
            Self::Graph | Self::GraphUser => PurgeStep::DeleteGraph,
            Self::Namespace | Self::CatalogSecret => PurgeStep::DropNamespace,
            Self::SupabaseProject => PurgeStep::DeleteProject,
            Self::TenantSecret => PurgeStep::DeleteSecrets,
        }
    }
}

words! {
    /// What became of a resource.
    PurgeOutcome, "must be one of gone, scheduled, kept" {
        /// Its system was asked again and has it no more.
        Gone = "gone",
        /// Its system deletes it at a time that is known.
        Scheduled = "scheduled",
        /// It is there, and it says why.
        Kept = "kept",
    }
}

/// What is proved of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PurgedItem {
    /// What it is.
    pub kind: PurgedKind,
    /// Its name in its system. With the kind it is unique in a purge.
    pub name: String,
    /// Its id in its system, if it has one besides the name.
    pub external_id: Option<String>,
    /// When its system was asked what became of it.
    pub asked_at: Timestamp,
    /// What the system answered then, in words of ours.
    pub answered: String,
    /// What became of it.
    pub outcome: PurgeOutcome,
    /// Why it was kept, in words of ours.
    pub why: Option<String>,
    /// When its system deletes it.
    pub until: Option<Timestamp>,
}

/// Why a slug stays reserved: of each of these kinds something is there, or it was not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlugReserved(pub Vec<PurgedKind>);

/// Whether the slug is free: of every kind that is named by it, its system was asked, and everything is gone.
pub fn slug_is_free(items: &[PurgedItem]) -> Result<(), SlugReserved> {
    let is_gone = |kind: PurgedKind| {
        let mut of_kind = items.iter().filter(|item| item.kind == kind).peekable();
        of_kind.peek().is_some() && of_kind.all(|item| item.outcome == PurgeOutcome::Gone)
    };
    let in_the_way: Vec<_> =
        PurgedKind::ALL.iter().copied().filter(|kind| kind.is_named_by_slug() && !is_gone(*kind)).collect();
    if in_the_way.is_empty() { Ok(()) } else { Err(SlugReserved(in_the_way)) }
}

/// Whether the retrieval period of a deprovisioned tenant is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retrieval {
    /// It is.
    Over,
    /// The installation's is, but not that of a paid tier: somebody has to say why, and another consumer to agree.
    Shortened {
        /// When it is over.
        until: Timestamp,
    },
    /// It is not.
    Running {
        /// When it is over.
        until: Timestamp,
    },
}

impl Retrieval {
    /// The period of a tenant of this tier that was deprovisioned at this time, in an installation with a period of `days`.
    #[must_use]
    pub fn of(tier: Tier, days: u32, deprovisioned_at: Timestamp, now: Timestamp) -> Self {
        let configured = end(deprovisioned_at, days);
        let paid = end(deprovisioned_at, days.max(PAID_RETRIEVAL_DAYS));
        match tier {
            _ if now < configured => Self::Running { until: configured },
            Tier::Enterprise | Tier::EnterprisePlus if now < paid => Self::Shortened { until: paid },
            Tier::Pilot | Tier::Enterprise | Tier::EnterprisePlus => Self::Over,
        }
    }
}

/// So many days later, or the end of time.
fn end(from: Timestamp, days: u32) -> Timestamp {
    Timestamp::from_second(from.as_second().saturating_add(i64::from(days) * SECONDS_OF_A_DAY))
        .unwrap_or(Timestamp::MAX)
}

/// Why a tenant is purged before its period is over, for the certificate and the audit log: 1–500 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PurgeReason(String);

field_schema!(
    PurgeReason,
    json!({ "type": "string", "minLength": 1, "maxLength": PurgeReason::MAX, "pattern": NO_CONTROLS })
);

impl PurgeReason {
    const MAX: usize = 500;

    /// The reason as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for PurgeReason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain(text, Self::MAX, out_of_bounds!(500)).map(Self)
    }
}

/// The message for a confirmation that names another tenant.
const NOT_CONFIRMED: &str = "must be the slug in the path";

/// A valid request for a purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeRequest {
    /// What is deleted and what is kept.
    pub policies: PurgePolicies,
    /// Why it cannot wait, if the period of a paid tier is not over.
    pub reason: Option<PurgeReason>,
}

body! {
    PurgeRequest as "PurgeTenant" {
        confirm: Required<Slug> = "The slug in the path, written once more.",
        customer: Defaulted<CustomerPolicy> = "The customer at Stripe: `keep`, or `delete`, which cannot be undone and which an open invoice forbids.",
        data: Defaulted<DataPolicy> = "The data in the tenant's namespace of the lakehouse: `drop`, or `keep`, which the certificate names.",
        reason: Optional<PurgeReason> = "Why a tenant of a paid tier is purged within 30 days of its DELETE, where the installation allows that. Another consumer then has to approve.",
    }
}

impl PurgeRequest {
    /// Reads the request for the tenant of this slug.
    pub fn parse(body: &Map<String, Value>, slug: &Slug) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        confirm(&mut fields, BODY.confirm.name, slug);
        let customer = BODY.customer.read(&mut fields);
        let data = BODY.data.read(&mut fields);
        let reason = BODY.reason.read(&mut fields);
        fields.finish()?;
        let policies = PurgePolicies { customer: customer.unwrap_or_default(), data: data.unwrap_or_default() };
        Ok(Self { policies, reason })
    }
}

/// Reads a confirmation, which has to be this slug.
pub(crate) fn confirm(fields: &mut Fields<'_>, name: &str, slug: &Slug) {
    if fields.required::<Slug>(name).is_some_and(|confirmed| confirmed != *slug) {
        fields.fail(name, NOT_CONFIRMED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().expect("a slug")
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * SECONDS_OF_A_DAY).expect("a time")
    }

    fn item(kind: PurgedKind, outcome: PurgeOutcome) -> PurgedItem {
        PurgedItem {
            kind,
            name: "client_acme".to_owned(),
            external_id: None,
            asked_at: at(0),
            answered: "404".to_owned(),
            outcome,
            why: None,
            until: None,
        }
    }

    #[test]
    fn what_can_be_undone_comes_first() {
        let of = |customer| PurgePolicies { customer, data: DataPolicy::Drop }.point_of_no_return();
        assert_eq!(of(CustomerPolicy::Keep), PurgeStep::DeleteIndex);
        assert_eq!(of(CustomerPolicy::Delete), PurgeStep::EndSubscription);
    }

    #[test]
    fn a_paid_tier_has_thirty_days_whatever_the_installation_says() {
        for (tier, days, day, expected) in [
            (Tier::Pilot, 0, 0, Retrieval::Over),
            (Tier::Pilot, 7, 6, Retrieval::Running { until: at(7) }),
            (Tier::Pilot, 7, 7, Retrieval::Over),
            (Tier::Enterprise, 7, 6, Retrieval::Running { until: at(7) }),
            (Tier::Enterprise, 7, 7, Retrieval::Shortened { until: at(30) }),
            (Tier::EnterprisePlus, 0, 29, Retrieval::Shortened { until: at(30) }),
            (Tier::EnterprisePlus, 0, 30, Retrieval::Over),
            (Tier::Enterprise, 30, 29, Retrieval::Running { until: at(30) }),
            (Tier::Enterprise, 90, 45, Retrieval::Running { until: at(90) }),
            (Tier::Enterprise, 90, 90, Retrieval::Over),
            (Tier::Pilot, u32::MAX, 0, Retrieval::Running { until: Timestamp::MAX }),
        ] {
            assert_eq!(Retrieval::of(tier, days, at(0), at(day)), expected, "{tier} {days} {day}");
        }
    }

    #[test]
    fn a_slug_is_free_once_all_that_it_names_is_gone() {
        let named: Vec<_> = PurgedKind::ALL.iter().copied().filter(|kind| kind.is_named_by_slug()).collect();
        let mut items: Vec<_> = named.iter().map(|kind| item(*kind, PurgeOutcome::Gone)).collect();
        assert_eq!(slug_is_free(&items), Ok(()));
        // What is found by an id does not keep the name.
        items.push(item(PurgedKind::TenantSecret, PurgeOutcome::Scheduled));
        assert_eq!(slug_is_free(&items), Ok(()));
        // The second of two is there.
        items.push(item(PurgedKind::Namespace, PurgeOutcome::Kept));
        assert_eq!(slug_is_free(&items), Err(SlugReserved(vec![PurgedKind::Namespace])));
        // Nobody asked.
        assert_eq!(slug_is_free(&[]), Err(SlugReserved(named)));
    }

    #[test]
    fn a_request_confirms_the_slug_and_keeps_the_customer() {
        let acme = slug("acme-bank");
        let parse = |body: Value| PurgeRequest::parse(body.as_object().expect("an object"), &acme);
        let plain = parse(json!({ "confirm": "acme-bank" })).expect("valid");
        assert_eq!(plain.policies, PurgePolicies { customer: CustomerPolicy::Keep, data: DataPolicy::Drop });
        let full = json!({ "confirm": "acme-bank", "customer": "delete", "data": "keep", "reason": "asked to" });
        let full = parse(full).expect("valid");
        assert_eq!(full.policies, PurgePolicies { customer: CustomerPolicy::Delete, data: DataPolicy::Keep });
        assert_eq!(full.reason.as_ref().map(PurgeReason::as_str), Some("asked to"));
        for bad in [
            json!({}),
            json!({ "confirm": "acme-ban" }),
            json!({ "confirm": "ACME-BANK" }),
            json!({ "confirm": true }),
            json!({ "confirm": "acme-bank", "data": "forget" }),
            json!({ "confirm": "acme-bank", "customer": null }),
            json!({ "confirm": "acme-bank", "reason": "" }),
            json!({ "confirm": "acme-bank", "force": true }),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }
}
