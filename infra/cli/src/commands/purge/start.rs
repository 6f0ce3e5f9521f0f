//! `ivory purge start`.

use clap::Args;
use domain::routes::PURGE_TENANT;
use domain::{PurgeRequest, Slug};
use serde_json::Value;

use super::accepted;
use super::plan::Policies;
use crate::api::Request;
use crate::cli::Change;
use crate::commands::{confirm, fields, options};
use crate::context::Context;
use crate::error::Error;

/// Delete a tenant that is switched off from every system: what can be undone first, then the rest, and last a signed certificate.
/// A purge that failed goes on where it ended. Once everything named by the slug is gone, the slug is free.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory purge start acme-bank
  ivory purge start acme-bank --data keep --yes
  ivory purge start acme-bank --reason \"the bank asked for it in writing\" --dry-run")]
pub struct Start {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    #[command(flatten)]
    policies: Policies,
    /// Why a tenant of a paid tier is purged within 30 days of being switched off. Somebody else then has to approve it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask. Needed where nobody can be asked.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    change: Change,
}

impl Start {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let slug = self.tenant.as_str();
        let [customer, data] = self.policies.fields();
        let reason = self.reason.as_deref().map(Value::from);
        let body = fields([("confirm", Some(slug.into())), customer, data, ("reason", reason)]);
        PurgeRequest::parse(&body, &self.tenant).map_err(options)?;
        if !self.yes && !self.change.dry_run {
            confirm(&format!("Delete everything of {slug}, for good? Type its name:"), |typed| typed == slug)?;
        }
        let request = Request::about(&PURGE_TENANT, &self.tenant).with(body);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let answer = answer.json()?;
        context.output.value(&answer, "slug", |_| accepted(&self.tenant, &answer))
    }
}
