//! `ivory tenant watch`.

use clap::Args;
use domain::Slug;

use crate::context::Context;
use crate::error::Error;
use crate::run::{self, Pace};

/// Watch the nine steps until the tenant is active, or failed.
///
/// On a terminal, nine lines change. Elsewhere every change is a line: of JSON, unless -o says something else.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant watch acme-bank
  ivory tenant watch acme-bank -o json | jq -c 'select(.step.state == \"failed\")'")]
pub struct Watch {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    #[command(flatten)]
    pace: Pace,
}

impl Watch {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        run::watch(&self.tenant, &self.pace, context).await
    }
}
