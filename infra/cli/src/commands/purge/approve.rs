//! `ivory purge approve`.

use clap::Args;
use domain::Slug;
use domain::routes::{APPROVE_PURGE, GET_PURGE, GET_TENANT};
use serde_json::Value;

use super::accepted;
use crate::api::Request;
use crate::cli::Change;
use crate::commands::{confirm, fields};
use crate::context::Context;
use crate::error::Error;
use crate::output::{plain, text};

/// Approve a purge that another consumer asked for: it begins.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory purge approve acme-bank --dry-run
  ivory purge approve acme-bank --yes")]
pub struct Approve {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    /// Do not ask. Needed where nobody can be asked.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    change: Change,
}

impl Approve {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let slug = self.tenant.as_str();
        let request = Request::about(&APPROVE_PURGE, &self.tenant).with(fields([("confirm", Some(slug.into()))]));
        if self.change.dry_run {
            return context.output.request(&request);
        }
        // Nobody approves what was asked for anew while they read it: the version is read first.
        let version = context.client()?.send(&Request::about(&GET_TENANT, &self.tenant), None).await?;
        if !self.yes {
            let purge = context.read(&Request::about(&GET_PURGE, &self.tenant)).await?;
            confirm(&question(slug, &purge), |typed| typed == slug)?;
        }
        let request = request.if_match(version.etag());
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let answer = answer.json()?;
        context.output.value(&answer, "slug", |_| accepted(&self.tenant, &answer))
    }
}

/// What somebody is about to approve.
fn question(slug: &str, purge: &Value) -> String {
    let [by, reason] = ["requested_by", "reason"].map(|field| plain(text(purge, field)));
    let [customer, data] = ["customer", "data"].map(|field| plain(text(&purge["policies"], field)));
    let because = if reason.is_empty() { String::new() } else { format!(" because: {reason}") };
    format!(
        "{by} asks to have everything of {slug} deleted, for good (customer: {customer}, data: {data}){because}\nType its name to approve:"
    )
}
