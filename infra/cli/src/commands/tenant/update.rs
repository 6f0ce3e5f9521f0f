//! `ivory tenant update`.

use clap::Args;
use domain::routes::UPDATE_TENANT;
use domain::{Slug, TenantChange, Tier};
use serde_json::Value;

use super::get;
use crate::api::Request;
use crate::cli::{Change, one_of};
use crate::commands::{fields, options};
use crate::context::Context;
use crate::error::Error;

/// Change a tenant's name, tier or domain. What is not named stays.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant update acme-bank --display-name \"Acme Bank AG\"
  ivory tenant update acme-bank --tier enterprise_plus --custom-domain bank.acme.com")]
#[group(required = true, multiple = true, args = ["display_name", "tier", "custom_domain", "no_custom_domain"])]
pub struct Update {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    /// The tenant's name for people.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// What it pays for. Changes billing, and needs an active tenant.
    #[arg(long, value_parser = one_of(Tier::ALL, Tier::as_str))]
    tier: Option<Tier>,
    /// A host name of the tenant's own.
    #[arg(long, value_name = "HOST")]
    custom_domain: Option<String>,
    /// Take the tenant's own host name away.
    #[arg(long, conflicts_with = "custom_domain")]
    no_custom_domain: bool,
    #[command(flatten)]
    change: Change,
}

impl Update {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let domain = self.custom_domain.as_deref().map(Value::from);
        let body = fields([
            ("display_name", self.display_name.as_deref().map(Value::from)),
            ("tier", self.tier.map(|tier| tier.as_str().into())),
            ("custom_domain", domain.or(self.no_custom_domain.then_some(Value::Null))),
        ]);
        TenantChange::parse(&body, &[]).map_err(options)?;
        let request = Request::about(&UPDATE_TENANT, &self.tenant).with(body);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let record = answer.json()?;
        context.output.value(&record, "slug", |output| get::table(&record, output))
    }
}
