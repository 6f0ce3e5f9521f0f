//! Step 6 of a purge: the Supabase project with its data and its backups. Supabase takes a while for it, which is waited for.

use std::time::Duration;

use domain::{Failure, FailureKind, PurgeStep, PurgedKind};
use lambda_kit::needs;
use purge_kit::{Outcome, PurgeLease, Thing, Work};
use store::ResourceKind;
use supabase_project::{ProjectRemoval, Removal};

/// How long a project may be going down.
const WAITS_FOR: Duration = Duration::from_hours(1);
/// What is in a project, and ends with it.
const INSIDE: [ResourceKind; 6] = [
    ResourceKind::DatabasePassword,
    ResourceKind::PublishableKey,
    ResourceKind::SecretKey,
    ResourceKind::AuthConfiguration,
    ResourceKind::AdminUser,
    ResourceKind::AdminMail,
];

needs! {
    /// Deletes the tenant's project.
    pub struct DeleteProject {
        project: ProjectRemoval,
    }
}

impl Work for DeleteProject {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::DeleteProject;
    const POLL: Duration = Duration::from_secs(15);

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        if let Some(row) = lease.resource(ResourceKind::SupabaseProject).await? {
            let mut things = Vec::new();
            let mut all_gone = true;
            for project in self.project.projects(lease).await? {
                let is_known = row.external_id.as_deref() == Some(project.as_str());
                // Another one of the name was made by nobody's will.
                let name = if is_known { row.name.as_str() } else { project.as_str() };
                let thing = Thing::of(lease, PurgedKind::SupabaseProject, name).with_id(project.as_str());
                let found = self.project.look(lease, &project).await?;
                if found == Removal::There {
                    if !is_known {
                        // Whoever looks for it later knows it from here.
                        thing.kept("it is there", "it was not deleted yet").await?;
                    }
                    self.project.delete(lease, &project).await?;
                }
                all_gone &= found == Removal::Gone;
                things.push(thing);
            }
            if !all_gone {
                return wait(lease, &things);
            }
            // The row in the ledger is dead with the last of them.
            let last = things.pop().unwrap_or_else(|| Thing::of(lease, PurgedKind::SupabaseProject, row.name));
            for thing in things {
                thing.gone("no such project").await?;
            }
            last.in_ledger(Some(row.id)).gone("no such project").await?;
        }
        for kind in INSIDE {
            while let Some(row) = lease.resource(kind).await? {
                lease.give_up(&row).await?;
            }
        }
        Ok(Outcome::DONE)
    }
}

/// Waits, but not forever.
fn wait(lease: &PurgeLease<'_>, things: &[Thing<'_>]) -> Result<Outcome, Failure> {
    match things.first() {
        Some(thing) if lease.begun_for() > WAITS_FOR => {
            Err(thing.still_there("The Supabase project").of_kind(FailureKind::Rejected))
        }
        _ => Ok(Outcome::Waiting { waiting_for: "the project to be deleted".into() }),
    }
}
