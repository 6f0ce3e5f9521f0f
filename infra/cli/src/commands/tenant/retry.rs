//! `ivory tenant retry`.

use clap::Args;
use domain::Slug;
use domain::routes::RETRY_TENANT;

use crate::api::Request;
use crate::cli::Change;
use crate::context::Context;
use crate::error::Error;
use crate::run::{self, Wait};

/// Resume a failed tenant after the last step that was completed. A run that is under way is left alone.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant retry acme-bank --wait
  ivory tenant list --state failed -o name | xargs -n 1 ivory tenant retry")]
pub struct Retry {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    change: Change,
}

impl Retry {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let request = Request::about(&RETRY_TENANT, &self.tenant);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        run::accepted(&self.tenant, &answer.json()?, &self.wait, context).await
    }
}
