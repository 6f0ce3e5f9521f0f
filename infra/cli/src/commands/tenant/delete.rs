//! `ivory tenant delete`.

use clap::Args;
use domain::Slug;
use domain::routes::DEACTIVATE_TENANT;
use serde_json::json;

use crate::api::Request;
use crate::commands::confirm;
use crate::context::Context;
use crate::error::Error;

/// Switch a tenant off: it stops routing and loses its access, and its subscription ends. What it has is kept, and so is its slug,
/// until it is purged. A run that is under way is stopped.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant delete acme-bank
  ivory tenant delete acme-bank --yes")]
pub struct Delete {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    /// Do not ask. Needed where nobody can be asked.
    #[arg(long)]
    yes: bool,
    /// Show the request that would be sent. Nothing is sent.
    #[arg(long)]
    dry_run: bool,
}

impl Delete {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let request = Request::about(&DEACTIVATE_TENANT, &self.tenant);
        if self.dry_run {
            return context.output.request(&request);
        }
        let slug = self.tenant.as_str();
        if !self.yes {
            confirm(&format!("Switch {slug} off? Type its name:"), |typed| typed == slug)?;
        }
        context.client()?.send(&request, None).await?;
        let done = json!({ "slug": slug, "deactivated": true });
        context.output.value(&done, "slug", |_| format!("{slug} is switched off. What it has is kept."))
    }
}
