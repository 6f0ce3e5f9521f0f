//! `ivory tenant repair`.

use clap::Args;
use domain::routes::REPAIR_TENANT;
use domain::{RepairRequest, Slug, TenantPart};
use serde_json::Value;

use super::check::with_hints;
use crate::api::Request;
use crate::cli::{Change, one_of};
use crate::commands::{fields, options};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::{Table, text};

/// Bring back what a check found broken, where that loses no data: keys, schema, `graph_user`, `search_alias`, subscription, cache.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant repair acme-bank graph_user search_alias
  ivory tenant repair acme-bank keys schema --dry-run")]
pub struct Repair {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    /// What is to be repaired, as a check names it.
    #[arg(value_name = "RESOURCE", required = true, value_parser = one_of(TenantPart::ALL, TenantPart::as_str))]
    resources: Vec<TenantPart>,
    #[command(flatten)]
    change: Change,
}

impl Repair {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let resources: Vec<_> = self.resources.iter().map(|part| part.as_str()).collect();
        let body = fields([("resources", Some(resources.into()))]);
        RepairRequest::parse(&body).map_err(options)?;
        let request = Request::about(&REPAIR_TENANT, &self.tenant).with(body);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let done = answer.json()?;
        let parts = || done.as_array().into_iter().flatten();
        context.output.value(&done, "resource", |_| {
            let mut table = Table::new(["resource", "outcome", "code"]).with_states(1);
            for part in parts() {
                table.row(["resource", "outcome", "code"].map(|field| text(part, field)));
            }
            with_hints(&table.render(), parts().filter(|part| !part["code"].is_null()))
        })?;
        let is_left = |part: &Value| part["outcome"] == "failed" || part["outcome"] == "left";
        if parts().any(is_left) { Err(Error::Said(Exit::Broken)) } else { Ok(()) }
    }
}
