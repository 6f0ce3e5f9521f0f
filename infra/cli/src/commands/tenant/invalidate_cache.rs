//! `ivory tenant invalidate-cache`.

use clap::Args;
use domain::Slug;
use domain::routes::INVALIDATE_TENANT_CACHE;

use crate::api::Request;
use crate::cli::Change;
use crate::context::Context;
use crate::error::Error;

/// Have the middleware read a tenant's record again.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant invalidate-cache acme-bank
  ivory tenant list -o name | xargs -n 1 ivory tenant invalidate-cache")]
pub struct InvalidateCache {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    #[command(flatten)]
    change: Change,
}

impl InvalidateCache {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let request = Request::about(&INVALIDATE_TENANT_CACHE, &self.tenant);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let done = answer.json()?;
        context.output.value(&done, "slug", |_| format!("The cache of {} is invalidated.", self.tenant))
    }
}
