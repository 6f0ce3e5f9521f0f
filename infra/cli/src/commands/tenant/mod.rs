//! `ivory tenant`.

mod apply;
mod check;
mod create;
mod delete;
mod get;
mod hold;
mod invalidate_cache;
mod invite;
mod list;
mod repair;
mod resources;
mod restore;
mod retry;
mod status;
mod update;
mod watch;

use clap::{Args, Subcommand};
use domain::Slug;

use crate::cli::TenantRef;
use crate::context::Context;
use crate::error::Error;

/// Make, see, change and switch off tenants.
#[derive(Subcommand)]
pub enum Tenant {
    /// Make a tenant: the nine steps begin.
    Create(create::Create),
    /// Make tenants what files say: create, correct, resume, change, or leave them as they are.
    Apply(apply::Apply),
    /// List tenants, the newest first.
    List(list::List),
    /// Show a tenant's record.
    #[command(after_help = "\
Examples:
  ivory tenant get acme-bank
  ivory tenant get acme-bank -o json | jq -r .supabase_url")]
    Get(Named),
    /// Show how far the nine steps are.
    #[command(after_help = "\
Examples:
  ivory tenant status acme-bank
  ivory tenant status acme-bank -o json | jq '.steps[] | select(.cause)'")]
    Status(Named),
    /// Show what was made for a tenant in each outside system.
    #[command(after_help = "\
Examples:
  ivory tenant resources acme-bank
  ivory tenant resources acme-bank -o json | jq '.[] | select(.kind == \"supabase_project\")'")]
    Resources(NamedById),
    /// Ask every outside system whether what a tenant has is there and as it should be. Nothing is changed.
    #[command(after_help = "\
Examples:
  ivory tenant check acme-bank
  ivory tenant check acme-bank -o json | jq '.[] | select(.state == \"broken\")'")]
    Check(NamedById),
    /// Bring back what a check found broken.
    Repair(repair::Repair),
    /// Watch the nine steps until the tenant is active, or failed.
    Watch(watch::Watch),
    /// Change a tenant's name, tier or domain.
    Update(update::Update),
    /// Resume a failed tenant after the last step that was completed.
    Retry(retry::Retry),
    /// Bring a tenant back that was switched off.
    Restore(restore::Restore),
    /// Put a tenant under a legal hold: nothing of it is deleted.
    Hold(hold::Hold),
    /// Release a tenant's legal hold.
    Release(hold::Release),
    /// Send the admin another mail, or invite another admin.
    Invite(invite::Invite),
    /// Have the middleware read a tenant's record again.
    InvalidateCache(invalidate_cache::InvalidateCache),
    /// Switch a tenant off. What it has is kept.
    Delete(delete::Delete),
}

/// The tenant that a command is about.
#[derive(Clone, Args)]
pub struct Named {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    pub tenant: Slug,
}

/// The tenant that a command is about, which may be over.
#[derive(Clone, Args)]
pub struct NamedById {
    /// The tenant's id, or its slug.
    #[arg(value_name = "TENANT")]
    pub tenant: TenantRef,
}

impl Tenant {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::Apply(apply) => apply.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Get(named) => get::run(&named.tenant, context).await,
            Self::Status(named) => status::run(&named.tenant, context).await,
            Self::Resources(named) => resources::run(&named.tenant, context).await,
            Self::Check(named) => check::run(&named.tenant, context).await,
            Self::Repair(repair) => repair.run(context).await,
            Self::Watch(watch) => watch.run(context).await,
            Self::Update(update) => update.run(context).await,
            Self::Retry(retry) => retry.run(context).await,
            Self::Restore(restore) => restore.run(context).await,
            Self::Hold(hold) => hold.run(context).await,
            Self::Release(release) => release.run(context).await,
            Self::Invite(invite) => invite.run(context).await,
            Self::InvalidateCache(invalidate) => invalidate.run(context).await,
            Self::Delete(delete) => delete.run(context).await,
        }
    }
}
