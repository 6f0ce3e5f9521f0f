//! What a repair brings back, under the tenant's lease. Each part is looked at, mended with the code of the step that made it, and
//! looked at again. Every one of these calls may be repeated, so a repair that died is simply asked for again.

use std::time::Duration;

use domain::{Failure, Owner, PartState, RepairOutcome, TenantPart, names};
use lambda_kit::{Budget, needs};
use region_search::RegionSearch;
use serde::Serialize;
use store::{Lease, Repaired, StoreError};
use supabase_project::{ProjectAccess, migrate};
use utoipa::ToSchema;

use crate::TenantCheck;
use crate::finding::{CheckedPart, Finding};
use crate::subject::Subject;

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(4);
/// A release's newest migrations on a schema that exists already.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(15);
/// Two looks at the index and the change of its alias.
const ALIAS_TIMEOUT: Duration = Duration::from_secs(12);
/// The longest time for one call of Stripe.
const STRIPE_CALL: Duration = Duration::from_secs(6);
/// A connection and a few `UNLINK`s.
const UNLINK_TIMEOUT: Duration = Duration::from_secs(10);

needs! {
    /// Brings back what the steps made for an active tenant.
    pub struct TenantRepair {
        check: TenantCheck,
        access: ProjectAccess,
        search: RegionSearch,
    }
}

/// What became of one part that was to be repaired.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RepairedPart {
    /// What was asked for.
    pub resource: TenantPart,
    /// What was done.
    pub outcome: RepairOutcome,
    /// Why it is not as it should be: a cause of ERRORS.md. Null: it is.
    code: Option<&'static str>,
    /// Who can mend that.
    owner: Option<Owner>,
    /// What to do about it.
    hint: Option<String>,
    /// What a check finds now: of a subscription its customer and price as well.
    after: Vec<CheckedPart>,
}

/// What a repair can bring back.
#[derive(Clone, Copy, Debug)]
enum Mend {
    Keys,
    Schema,
    GraphUser,
    SearchAlias,
    Subscription,
    Cache,
}

impl Mend {
    /// How this part is brought back; `None`: only somebody else can.
    const fn of(part: TenantPart) -> Option<Self> {
        match part {
            TenantPart::Keys => Some(Self::Keys),
            TenantPart::Schema => Some(Self::Schema),
            TenantPart::GraphUser => Some(Self::GraphUser),
            TenantPart::SearchAlias => Some(Self::SearchAlias),
            TenantPart::Subscription => Some(Self::Subscription),
            TenantPart::Cache => Some(Self::Cache),
            TenantPart::Project
            | TenantPart::Seed
            | TenantPart::Invitation
            | TenantPart::Graph
            | TenantPart::SearchIndex
            | TenantPart::Customer
            | TenantPart::Price
            | TenantPart::CatalogSecret
            | TenantPart::Namespace => None,
        }
    }
}

impl RepairedPart {
    fn new(resource: TenantPart, outcome: RepairOutcome, failure: Option<&Failure>, after: &[Finding]) -> Self {
        Self {
            resource,
            outcome,
            code: failure.map(|failure| failure.code().as_str()),
            owner: failure.map(|failure| failure.code().owner()),
            hint: failure.map(Failure::hint),
            after: after.iter().map(CheckedPart::from).collect(),
        }
    }
}

impl TenantRepair {
    /// Repairs these parts, one after the other in the order of the steps. What fails does not keep the others from being tried.
    /// Returns what the control database has to be told. The lease is not given back.
    pub async fn repair(
        &self,
        lease: &Lease<'_>,
        parts: &[TenantPart],
        budget: Budget,
    ) -> Result<(Vec<RepairedPart>, Repaired), StoreError> {
        let (mut outcomes, mut repaired) = (Vec::with_capacity(parts.len()), Repaired::default());
        for part in TenantPart::ALL.iter().filter(|part| parts.contains(part)) {
            // Boxed, because what is awaited for the outside systems is nested deep.
            let outcome = Box::pin(self.part(lease, *part, &mut repaired, budget)).await?;
            let tenant_id = lease.tenant().tenant_id;
            tracing::info!(%tenant_id, part = part.as_str(), outcome = outcome.outcome.as_str(), "repair");
            outcomes.push(outcome);
        }
        Ok((outcomes, repaired))
    }

    async fn part(
        &self,
        lease: &Lease<'_>,
        part: TenantPart,
        repaired: &mut Repaired,
        budget: Budget,
    ) -> Result<RepairedPart, StoreError> {
        let before = self.look(lease, part, repaired, budget).await?;
        let Some(wrong) = before.iter().find(|finding| !finding.is_sound()) else {
            return Ok(RepairedPart::new(part, RepairOutcome::Sound, None, &before));
        };
        let Some(mend) = Mend::of(part) else {
            return Ok(RepairedPart::new(part, RepairOutcome::Left, wrong.failure.as_ref(), &before));
        };
        // Who cannot be asked cannot be told either. But the way into the database is itself mended on the way to it.
        if before.iter().all(|finding| finding.state == PartState::NotAsked) && part != TenantPart::Schema {
            return Ok(RepairedPart::new(part, RepairOutcome::Failed, wrong.failure.as_ref(), &before));
        }
        if let Err(failure) = self.mend(lease, mend, repaired).await {
            let failure = lease.tenant().named_in(failure);
            lambda_kit::trouble!(failure, part = part.as_str(), "a part was not mended");
            return Ok(RepairedPart::new(part, RepairOutcome::Failed, Some(&failure), &before));
        }
        let after = self.look(lease, part, repaired, budget).await?;
        Ok(match after.iter().find(|finding| !finding.is_sound()) {
            None => RepairedPart::new(part, RepairOutcome::Mended, None, &after),
            Some(wrong) => RepairedPart::new(part, RepairOutcome::Failed, wrong.failure.as_ref(), &after),
        })
    }

    /// What a check finds now. The row is not written yet, so what was mended counts as if it were.
    async fn look(
        &self,
        lease: &Lease<'_>,
        part: TenantPart,
        repaired: &Repaired,
        budget: Budget,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut tenant = lease.tenant().clone();
        tenant.schema_version = repaired.schema_version.or(tenant.schema_version);
        let subject = Subject::of(lease.store(), tenant).await?;
        Ok(self.check.look(&subject, part.with_its_own(), budget.at_most(LOOK)).await)
    }

    async fn mend(&self, lease: &Lease<'_>, what: Mend, repaired: &mut Repaired) -> Result<(), Failure> {
        let tenant = lease.tenant();
        match what {
            Mend::Keys => {
                self.access.renew(lease).await?;
            }
            Mend::Schema => {
                let mut database = self.access.database(lease).await?;
                repaired.schema_version = Some(migrate(lease, &mut database, MIGRATION_TIMEOUT).await?);
            }
            Mend::GraphUser => self.check.graphs.of(tenant).await?.grant_again(lease).await?,
            Mend::SearchAlias => {
                let (index, alias) = (names::search_index(&tenant.slug), names::search_alias(&tenant.slug));
                let opensearch = self.search.of(tenant.region).await?;
                lease.fence(ALIAS_TIMEOUT).await?;
                opensearch.ensure_alias(&self.search.spec(&index, &alias)).await?;
            }
            Mend::Subscription => {
                let (intent, settled) = self.check.billing.within(STRIPE_CALL).repair(lease).await?;
                repaired.settled = Some((intent, settled.customer_id));
            }
            Mend::Cache => {
                lease.fence(UNLINK_TIMEOUT).await?;
                self.check.cache.remove(&self.check.entries.entries(tenant)).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_be_repairable_is_repaired() {
        for part in TenantPart::ALL {
            assert_eq!(Mend::of(*part).is_some(), part.is_repairable(), "{part}");
        }
    }
}
