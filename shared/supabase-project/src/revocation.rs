//! API keys and database password of a tenant that was deprovisioned, where an installation wants them revoked: `DELETE`
//! promises it in its own statement, and the reconciler does it.
//!
//! A tenant that was brought back meanwhile keeps them; one that is brought back afterwards gets new ones ([`crate::keys`]). Every call may be repeated: after a refusal the next invocation does all of it again. The
//! password comes last, since it is the one thing of which the API does not tell whether it was done.

use std::time::Duration;

use domain::{CauseCode, Failure};
use lambda_kit::{Budget, needs};
use secrets::new_password;
use serde_json::json;
use store::{Duty, Lease, ResourceKind, Store, StoreError};
use supabase::{Management, ProjectRef, ProjectStatus};

use crate::account::SupabaseAccount;

/// How many promises one pass of the reconciler keeps at most. The others are due again in the next one.
const ROWS: i64 = 10;
/// How long one tenant may take: a handful of calls, which take about a second each.
const PER_TENANT: Duration = Duration::from_secs(8);
/// How long a project whose creation was not answered may take to appear in the organisation's list.
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);

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
        for open in store.duties_due(Duty::RevokeAccess, ROWS).await? {
            if budget.left() < PER_TENANT {
                break;
            }
            let budget = budget.at_most(PER_TENANT);
            let revoke = async |lease: &Lease<'_>| Ok(Some(json!({ "projects": self.revoke(lease, budget).await? })));
            kept += usize::from(store.keep(open, token, budget, CauseCode::SupabaseTimeout, revoke).await?);
        }
        Ok(kept)
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
            lease.fence(budget.left()).await?;
            // Nobody keeps it.
            management.set_database_password(&project, &new_password()).await?;
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
