//! `ivory tenant create`.

use clap::Args;
use domain::routes::PROVISION_TENANT;
use domain::{ProvisionRequest, Region, Slug, Tier};
use serde_json::{Map, Value};

use crate::api::Request;
use crate::cli::{Change, one_of};
use crate::commands::{fields, options};
use crate::context::Context;
use crate::error::Error;
use crate::run::{self, Wait};

/// Make a tenant: the nine steps begin.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant create acme-bank --display-name \"Acme Bank\" --region us-east-1 --admin admin@acmebank.com --residency-verified --wait
  ivory tenant create acme-bank --display-name \"Acme Bank\" --region us-east-1 --admin admin@acmebank.com --residency-verified --dry-run")]
pub struct Create {
    /// The tenant's name in URLs, for good.
    slug: String,
    /// The tenant's name for people.
    #[arg(long, value_name = "NAME")]
    display_name: String,
    /// Where its data stays, for good.
    #[arg(long, value_parser = one_of(Region::ALL, Region::as_str))]
    region: Region,
    /// What it pays for. A new tenant is `enterprise`; one that is resumed keeps its own.
    #[arg(long, value_parser = one_of(Tier::ALL, Tier::as_str))]
    tier: Option<Tier>,
    /// The address of the first administrator, who is invited.
    #[arg(long, value_name = "ADDRESS")]
    admin: String,
    /// Confirms that somebody has verified the region's residency requirements. Nothing implies it.
    #[arg(long, required = true)]
    residency_verified: bool,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    change: Change,
}

impl Create {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let (slug, body) = self.body()?;
        let request = Request::new(&PROVISION_TENANT).with(body);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        run::accepted(&slug, &answer.json()?, &self.wait, context).await
    }

    fn body(&self) -> Result<(Slug, Map<String, Value>), Error> {
        let body = fields([
            ("slug", Some(self.slug.as_str().into())),
            ("display_name", Some(self.display_name.as_str().into())),
            ("region", Some(self.region.as_str().into())),
            ("tier", self.tier.map(|tier| tier.as_str().into())),
            ("admin_email", Some(self.admin.as_str().into())),
            ("data_residency_verified", Some(self.residency_verified.into())),
        ]);
        let request = ProvisionRequest::parse(&body, &[]).map_err(options)?;
        Ok((request.slug, body))
    }
}
