//! The end of a tenant's project: first nobody gets in any more, then it is deleted with its data and its backups.

use std::time::Duration;

use domain::{CauseCode, Failure, PurgedKind, names};
use lambda_kit::{Budget, needs};
use store::{Lease, ResourceKind};
use supabase::{MANAGEMENT_TIMEOUT, Project, ProjectRef, ProjectStatus};

use crate::account::SupabaseAccount;
use crate::revocation::{VISIBLE_WITHIN, revoke};

needs! {
    /// Ends the project of the lease's tenant.
    pub struct ProjectRemoval {
        account: SupabaseAccount,
    }
}

/// What a project's reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nothing: there is no such project, or Supabase says that it is removed.
    Gone,
    /// Supabase is deleting it.
    GoingDown,
    /// It is there.
    There,
}

impl ProjectRemoval {
    /// The references of the tenant's projects: the one of the ledger, whatever else has the name that no other tenant's has, and
    /// those that the purge has written down, since no list shows a project that is going down.
    pub async fn projects(&self, lease: &Lease<'_>) -> Result<Vec<ProjectRef>, Failure> {
        let Some(asked_for) = lease.resource(ResourceKind::SupabaseProject).await? else { return Ok(Vec::new()) };
        let management = self.account.management().await?;
        let named = management.find_projects_named(&asked_for.name).await?;
        if named.is_empty() && asked_for.external_id.is_none() && asked_for.age < VISIBLE_WITHIN {
            return Err(CauseCode::EnvironmentNotVisible.into());
        }
        let mut projects: Vec<_> = named.into_iter().map(|project| project.project_ref).collect();
        let items = lease.store().purged_items(lease.tenant().tenant_id).await?.into_iter();
        let noted = items.filter(|item| item.kind == PurgedKind::SupabaseProject).filter_map(|item| item.external_id);
        for known in asked_for.external_id.into_iter().chain(noted) {
            let known = ProjectRef::try_from(known).map_err(|_| CauseCode::LedgerUnreadable)?;
            if !projects.contains(&known) {
                projects.push(known);
            }
        }
        Ok(projects)
    }

    /// Revokes the API keys and the database password of a project that is healthy enough to have some. True: it was asked again, and
    /// has no keys. False: it is not there, or not at work, so that nobody gets in either.
    pub async fn close(&self, lease: &Lease<'_>, project: &ProjectRef, time: Duration) -> Result<bool, Failure> {
        let management = self.account.management().await?;
        match management.project(project).await? {
            Some(found) if !is_ours(lease, &found) => return Err(foreign(project)),
            Some(found) if found.status == ProjectStatus::ComingUp => return Err(CauseCode::EnvironmentNotReady.into()),
            Some(found) if !found.status.is_terminal() => {}
            Some(_) | None => return Ok(false),
        }
        revoke(lease, &management, project, Budget::of(time)).await?;
        if management.api_key_ids(project).await?.is_empty() {
            Ok(true)
        } else {
            Err(Failure::with_detail(CauseCode::PurgeStillThere, format!("An API key of the project {project}")))
        }
    }

    /// What became of a project. One that has another name than this tenant's is refused.
    pub async fn look(&self, lease: &Lease<'_>, project: &ProjectRef) -> Result<Removal, Failure> {
        Ok(match self.account.management().await?.project(project).await? {
            None => Removal::Gone,
            Some(found) if found.status == ProjectStatus::Removed => Removal::Gone,
            Some(found) if !is_ours(lease, &found) => return Err(foreign(project)),
            Some(found) if found.status == ProjectStatus::GoingDown => Removal::GoingDown,
            Some(_) => Removal::There,
        })
    }

    /// Deletes a project for good.
    pub async fn delete(&self, lease: &Lease<'_>, project: &ProjectRef) -> Result<(), Failure> {
        let management = self.account.management().await?;
        lease.fence(MANAGEMENT_TIMEOUT).await?;
        Ok(management.delete_project(project).await?)
    }
}

/// The name holds the tenant's id, and we gave it.
fn is_ours(lease: &Lease<'_>, project: &Project) -> bool {
    let tenant = lease.tenant();
    project.name == names::project(&tenant.slug, tenant.tenant_id)
}

fn foreign(project: &ProjectRef) -> Failure {
    Failure::with_detail(CauseCode::PurgeForeign, format!("The Supabase project {project}"))
}
