//! `ivory tenant list`.

use clap::Args;
use domain::routes::LIST_TENANTS;
use domain::tenant::ProvisioningState;
use domain::{Region, SearchText, Tier};

use crate::api::Request;
use crate::cli::one_of;
use crate::commands::Page;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Table, text};

/// List tenants, the newest first.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant list --state failed
  ivory tenant list --search acme -o name")]
pub struct List {
    /// Only tenants in this state.
    #[arg(long, value_parser = one_of(ProvisioningState::ALL, ProvisioningState::as_str))]
    state: Option<ProvisioningState>,
    /// Only tenants of this tier.
    #[arg(long, value_parser = one_of(Tier::ALL, Tier::as_str))]
    tier: Option<Tier>,
    /// Only tenants of this region.
    #[arg(long, value_parser = one_of(Region::ALL, Region::as_str))]
    region: Option<Region>,
    /// Only tenants with this text in their slug, name, admin's address or domain.
    #[arg(long, value_name = "TEXT")]
    search: Option<SearchText>,
    #[command(flatten)]
    page: Page,
}

impl List {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let request = Request::new(&LIST_TENANTS)
            .asking("provisioning_state", self.state)
            .asking("tier", self.tier)
            .asking("region", self.region)
            .asking("q", self.search.as_ref().map(SearchText::as_str));
        let tenants = self.page.all(request, context).await?;
        context.output.value(&tenants, "slug", |output| {
            let mut table = Table::new(["slug", "name", "state", "tier", "region", "created"]).with_states(2);
            for tenant in tenants.as_array().into_iter().flatten() {
                table.row([
                    text(tenant, "slug"),
                    text(tenant, "display_name"),
                    text(tenant, "provisioning_state"),
                    text(tenant, "tier"),
                    text(tenant, "region"),
                    &output.when(&tenant["provisioned_at"]),
                ]);
            }
            table.render()
        })
    }
}
