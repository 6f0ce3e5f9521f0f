//! API keys and database password of a tenant that was deprovisioned, where an installation wants them revoked: `DELETE`
//! promises it in its own statement, and the reconciler does it.
//!
//! A promise is kept under the tenant's lease, which is given for a deprovisioned tenant only, so a tenant that was brought
//! back meanwhile keeps them. Every call may be repeated: after a refusal the next invocation does all of it again. The
//! password comes last, since it is the one thing of which the API does not tell whether it was done.

use std::time::Duration;

use domain::{CauseCode, Failure};
use lambda_kit::{Budget, needs};
use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;
use store::{Lease, NotLeased, OpenPromise, ResourceKind, Store, StoreError};
use supabase::{Management, ProjectRef, ProjectStatus};

use crate::account::SupabaseAccount;

/// How many promises one pass of the reconciler keeps at most. The others are due again in the next one.
const ROWS: i64 = 10;
/// How long one tenant may take: a handful of calls, which take about a second each.
const PER_TENANT: Duration = Duration::from_secs(8);
/// What the lease lasts longer than the calls that it is for.
const MARGIN: Duration = Duration::from_millis(250);
/// How long a project whose creation was not answered may take to appear in the organisation's list.
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);
/// Characters of a password that nobody keeps: 190 bits.
const PASSWORD_LENGTH: usize = 32;

needs! {
    /// Revokes what gives access to a deprovisioned tenant's project.
    pub struct Revocation {
        account: SupabaseAccount,
    }
}

impl Revocation {
    /// Keeps promises that are due. Returns how many were kept. `token` is the invocation's request id.
    pub async fn revoke_due(&self, store: &Store, token: &str, budget: Budget) -> Result<usize, StoreError> {
        let mut kept = 0;
        for promise in store.revocations_due(ROWS).await? {
            if budget.left() < PER_TENANT {
                break;
            }
            kept += usize::from(self.keep(store, promise, token).await?);
        }
        Ok(kept)
    }

    /// Whether the promise is kept now. If not, it is still open.
    async fn keep(&self, store: &Store, promise: OpenPromise, token: &str) -> Result<bool, StoreError> {
        let budget = Budget::of(PER_TENANT);
        let lease = match store.lease_for_revocation(promise.tenant_id, token, PER_TENANT + MARGIN).await {
            Ok(lease) => lease,
            // A step that was fenced off may still be making the project, or somebody is settling the tenant's billing.
            Err(NotLeased::Busy) => return Ok(false),
            Err(NotLeased::State(_) | NotLeased::Unknown) => {
                tracing::info!(tenant_id = %promise.tenant_id, "the tenant was brought back and keeps its access");
                store.outbox_delivered(promise.id).await?;
                return Ok(true);
            }
            Err(NotLeased::Store(error)) => return Err(error),
        };
        // Boxed, because what is awaited for the calls is nested deep.
        let outcome = budget.spend(Box::pin(self.revoke(&lease, budget))).await;
        match outcome.unwrap_or_else(|| Err(CauseCode::SupabaseTimeout.into())) {
            Ok(projects) => lease.access_revoked(promise, &projects).await,
            Err(failure) => {
                let code = failure.code().as_str();
                tracing::warn!(tenant_id = %promise.tenant_id, code, "keys or password of the tenant's project may still be good");
                store.outbox_postponed(promise.id, code).await?;
                lease.release().await?;
                Ok(false)
            }
        }
    }

    /// The projects to which nobody has access any more.
    async fn revoke(&self, lease: &Lease<'_>, budget: Budget) -> Result<Vec<String>, Failure> {
        let management = self.account.management().await?;
        let mut revoked = Vec::new();
        for project in projects(lease, &management).await? {
            match management.project(&project).await?.map(|project| project.status) {
                None | Some(ProjectStatus::Removed) => continue,
                // Its keys and its password may be made only now.
                Some(ProjectStatus::ComingUp) => return Err(CauseCode::EnvironmentNotReady.into()),
                Some(_) => {}
            }
            for id in management.api_key_ids(&project).await? {
                lease.fence(budget.left()).await?;
                management.delete_api_key(&project, id).await?;
            }
            lease.fence(budget.left()).await?;
            management.disable_legacy_keys(&project).await?;
            let unknown = SecretString::from(Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH));
            lease.fence(budget.left()).await?;
            management.set_database_password(&project, &unknown).await?;
            revoked.push(project.into());
        }
        Ok(revoked)
    }
}

/// The tenant's projects: the one of the ledger or, where its creation was not answered, those of its name, which no other
/// tenant's has.
async fn projects(lease: &Lease<'_>, management: &Management) -> Result<Vec<ProjectRef>, Failure> {
    let Some(asked_for) = lease.resource(ResourceKind::SupabaseProject).await? else { return Ok(Vec::new()) };
    if let Some(project) = asked_for.external_id {
        return Ok(vec![ProjectRef::try_from(project).map_err(|_| CauseCode::LedgerUnreadable)?]);
    }
    let found = management.find_projects_named(&asked_for.name).await?;
    if found.is_empty() && asked_for.age < VISIBLE_WITHIN {
        return Err(CauseCode::EnvironmentNotVisible.into());
    }
    Ok(found.into_iter().map(|project| project.project_ref).collect())
}

#[cfg(test)]
mod tests;
