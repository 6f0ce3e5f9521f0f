//! `ivory purge`.

mod approve;
mod get;
mod plan;
mod start;
mod watch;

use clap::{Args, Subcommand};
use domain::Slug;
use serde_json::Value;

use crate::cli::TenantRef;
use crate::context::Context;
use crate::error::Error;
use crate::output::{plain, text};

/// Delete a tenant that is switched off, from every system, and prove it.
#[derive(Subcommand)]
pub enum Purge {
    /// Show what a purge would delete and what it would keep.
    Plan(plan::Plan),
    /// Begin a purge, or go on with one that failed.
    Start(start::Start),
    /// Approve a purge that somebody else asked for.
    Approve(approve::Approve),
    /// Show how far a purge is, and its certificate.
    #[command(after_help = "\
Examples:
  ivory purge get acme-bank
  ivory purge get 0198c0de-0000-7000-8000-000000000001 -o json | jq .certificate > certificate.json")]
    Get(Named),
    /// Watch the eight steps until the purge is done, or failed.
    Watch(watch::Watch),
}

/// Whose purge it is.
#[derive(Clone, Args)]
pub struct Named {
    /// The tenant's id, or its slug as long as it has it.
    #[arg(value_name = "TENANT")]
    pub tenant: TenantRef,
}

impl Purge {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        match self {
            Self::Plan(plan) => plan.run(context).await,
            Self::Start(start) => start.run(context).await,
            Self::Approve(approve) => approve.run(context).await,
            Self::Get(named) => get::run(&named.tenant, context).await,
            Self::Watch(watch) => watch.run(context).await,
        }
    }
}

/// What a request did about a purge, for people.
fn accepted(slug: &Slug, accepted: &Value) -> String {
    let id = plain(text(accepted, "tenant_id"));
    let did = match (text(accepted, "request"), text(&accepted["purge"], "state")) {
        ("resumed", _) => "goes on",
        (_, "waiting_approval") => {
            return format!(
                "The purge of {slug} waits for another consumer's approval.\n  approve it: ivory purge approve {slug}\n  look at it: ivory purge get {id}"
            );
        }
        ("found", _) => "is under way already",
        _ => "begins",
    };
    format!("The purge of {slug} {did}.\n  watch it: ivory purge watch {id}")
}
