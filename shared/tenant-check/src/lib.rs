//! Whether everything that the steps made for a tenant is there as they left it, asked of every outside system; and what of it
//! a repair brings back, with the code of the steps.
//!
//! A check changes nothing. It asks all systems at the same time. One that hangs, refuses or cannot be reached costs nothing but
//! its own parts, of which the report says that they were not asked for, and why.

#![warn(missing_docs)]

mod catalogs;
mod database;
mod finding;
mod graph;
mod lakehouse;
mod money;
mod project;
mod repair;
mod search;
mod subject;

use std::time::Duration;

use billing::Billing;
use domain::{CauseCode, Failure, TenantPart};
use futures_util::future::{BoxFuture, join_all};
use graph_users::GraphAccess;
use lambda_kit::{Budget, Read, needs};
use region_search::RegionSearchLook;
use secrets::CatalogSecret;
use supabase_project::ProjectLook;
use tenant_cache::{CacheSettings, Lasting, TenantCache};

use finding::Findings;
pub use finding::{CheckedPart, Finding};
use lakehouse::Lakehouse;
pub use repair::{RepairedPart, TenantRepair};
pub use subject::Subject;

needs! {
    /// The systems in which a tenant has something, to look at.
    pub struct TenantCheck {
        pub(crate) project: ProjectLook,
        pub(crate) graphs: GraphAccess,
        pub(crate) search: RegionSearchLook,
        pub(crate) billing: Billing,
        pub(crate) cache: TenantCache,
        pub(crate) entries: CacheSettings,
        pub(crate) catalogs: Read<CatalogSecret>,
        pub(crate) lakehouse: Lakehouse,
    }
}

impl TenantCheck {
    /// Looks at these parts of a tenant, all systems at the same time and within the budget. The findings are in the order of the
    /// parts.
    pub async fn look(&self, subject: &Subject, parts: &[TenantPart], budget: Budget) -> Vec<Finding> {
        let found = Findings::of(subject, parts);
        if subject.is_purged {
            found.not_needed(parts, "the tenant was purged");
            return found.in_order();
        }
        let call = budget.left();
        let groups: [(&'static [TenantPart], CauseCode, Work<'_>); 9] = [
            (&[TenantPart::Project], CauseCode::SupabaseTimeout, Box::pin(self.project(subject, &found))),
            (&[TenantPart::Keys], CauseCode::SupabaseTimeout, Box::pin(self.keys(subject, &found, call))),
            (
                &[TenantPart::Schema, TenantPart::Seed, TenantPart::Invitation],
                CauseCode::TenantDatabaseUnavailable,
                Box::pin(self.database(subject, &found)),
            ),
            (
                &[TenantPart::Graph, TenantPart::GraphUser],
                CauseCode::FalkorDbTimeout,
                Box::pin(self.graph(subject, &found)),
            ),
            (
                &[TenantPart::SearchIndex, TenantPart::SearchAlias],
                CauseCode::OpenSearchTimeout,
                Box::pin(self.search(subject, &found)),
            ),
            (
                &[TenantPart::Customer, TenantPart::Subscription, TenantPart::Price],
                CauseCode::StripeTimeout,
                Box::pin(self.money(subject, &found, call)),
            ),
            (&[TenantPart::Cache], CauseCode::ValkeyTimeout, Box::pin(self.cached(subject, &found))),
            (
                &[TenantPart::CatalogSecret],
                CauseCode::SecretsUnavailable,
                Box::pin(self.catalog_secrets(subject, &found)),
            ),
            (&[TenantPart::Namespace], CauseCode::IometeTimeout, Box::pin(self.namespaces(subject, &found, call))),
        ];
        let wanted = groups.into_iter().filter(|(parts, ..)| found.wants(parts));
        join_all(wanted.map(|(parts, too_slow, work)| asked(&found, parts, too_slow, budget, work))).await;
        found.in_order()
    }

    /// The middleware's entries. What is in them is the middleware's, and one that expires is its own. One that never does
    /// outlives every change that is not announced.
    async fn cached(&self, subject: &Subject, found: &Findings<'_>) -> Result<(), Failure> {
        let entries = self.entries.entries(&subject.tenant);
        let lasting = self.cache.lasting(&entries).await?;
        let count = |wanted: Lasting| lasting.iter().filter(|it| **it == wanted).count();
        let (for_ever, expiring) = (count(Lasting::ForEver), count(Lasting::Expires));
        let seen = format!("{} entries, {for_ever} of them for ever", for_ever + expiring);
        let part = Finding::of(TenantPart::Cache).expecting("no entry that never expires").finding(seen);
        found.add(if for_ever == 0 { part.ok() } else { part.broken(CauseCode::CacheOutdated) });
        Ok(())
    }
}

/// The work for a group of parts that one system has. What it finds until it fails, or until its time is over, counts.
type Work<'a> = BoxFuture<'a, Result<(), Failure>>;

/// Asks for a group's parts. What was not found in time was not asked for.
async fn asked(
    found: &Findings<'_>,
    parts: &'static [TenantPart],
    too_slow: CauseCode,
    budget: Budget,
    work: Work<'_>,
) {
    if let Err(failure) = budget.spend(work).await.unwrap_or_else(|| Err(too_slow.into())) {
        let code = failure.code().as_str();
        tracing::info!(code, provider_request_id = failure.provider_request_id(), "a part was not asked for");
        found.not_asked(parts, &failure);
    }
}

/// One of several parts that a system is asked for at the same time.
type Asking<'a> = BoxFuture<'a, ()>;

/// What a check leaves of its budget for the answer.
pub const FOR_THE_ANSWER: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
