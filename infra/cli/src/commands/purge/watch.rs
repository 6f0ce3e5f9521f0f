//! `ivory purge watch`.

use clap::Args;

use crate::cli::TenantRef;
use crate::context::Context;
use crate::error::Error;
use crate::run::{self, Pace};

/// Watch the eight steps until the purge is done, or failed. One that waits for approval is waited for.
///
/// Every change is a line: for people on a terminal, elsewhere of JSON, unless -o says something else.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory purge watch acme-bank
  ivory purge watch acme-bank -o json | jq -c 'select(.step.cause)'")]
pub struct Watch {
    /// The tenant's id, or its slug as long as it has it.
    #[arg(value_name = "TENANT")]
    tenant: TenantRef,
    #[command(flatten)]
    pace: Pace,
}

impl Watch {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        run::watch_purge(&self.tenant, &self.pace, context).await
    }
}
