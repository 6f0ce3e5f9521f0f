//! `ivory tenant hold` and `ivory tenant release`.

use clap::Args;
use domain::routes::{HOLD_TENANT, RELEASE_TENANT_HOLD};
use domain::{HoldRequest, Slug};
use serde_json::json;

use super::get;
use crate::api::Request;
use crate::commands::{fields, options};
use crate::context::Context;
use crate::error::Error;

/// Put a tenant under a legal hold: until it is released, the tenant is neither purged nor restored, whoever asks for it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant hold acme-bank --reason \"Litigation 2026-14, Acme v. Bank\"
  ivory tenant hold acme-bank --reason Litigation --dry-run")]
pub struct Hold {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    /// Why nothing of the tenant may be deleted. Of a tenant that is held already, it is the reason from now on.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Show the request that would be sent. Nothing is sent.
    #[arg(long)]
    dry_run: bool,
}

impl Hold {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let body = fields([("reason", Some(self.reason.as_str().into()))]);
        HoldRequest::parse(&body).map_err(options)?;
        let request = Request::about(&HOLD_TENANT, &self.tenant).with(body);
        if self.dry_run {
            return context.output.request(&request);
        }
        let record = context.client()?.send(&request, None).await?.json()?;
        context.output.value(&record, "slug", |output| get::table(&record, output))
    }
}

/// Release a tenant's legal hold.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant release acme-bank
  ivory tenant release acme-bank --dry-run")]
pub struct Release {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    /// Show the request that would be sent. Nothing is sent.
    #[arg(long)]
    dry_run: bool,
}

impl Release {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let request = Request::about(&RELEASE_TENANT_HOLD, &self.tenant);
        if self.dry_run {
            return context.output.request(&request);
        }
        context.client()?.send(&request, None).await?;
        let slug = self.tenant.as_str();
        let done = json!({ "slug": slug, "held": false });
        context.output.value(&done, "slug", |_| format!("{slug} is under no legal hold."))
    }
}
