//! `ivory tenant restore`.

use clap::Args;
use domain::Slug;
use domain::routes::RESTORE_TENANT;

use crate::api::Request;
use crate::cli::Change;
use crate::context::Context;
use crate::error::Error;
use crate::run::{self, Wait};

/// Bring a tenant back that was switched off: the nine steps run again and adopt what is there. What the switching off ended is
/// made new: the graph user's password, and keys and database password where they were revoked.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant restore acme-bank --wait
  ivory tenant restore acme-bank --dry-run")]
pub struct Restore {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    change: Change,
}

impl Restore {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let request = Request::about(&RESTORE_TENANT, &self.tenant);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        run::accepted(&self.tenant, &answer.json()?, &self.wait, context).await
    }
}
