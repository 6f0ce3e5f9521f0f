//! `ivory tenant resources`.

use domain::routes::LIST_TENANT_RESOURCES;

use crate::api::Request;
use crate::cli::TenantRef;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Table, text};

pub async fn run(tenant: &TenantRef, context: &Context) -> Result<(), Error> {
    let resources = context.read(&Request::about(&LIST_TENANT_RESOURCES, tenant)).await?;
    context.output.value(&resources, "external_id", |output| {
        let mut table = Table::new(["resource", "state", "name", "id", "region", "made by", "when"]).with_states(1);
        for resource in resources.as_array().into_iter().flatten() {
            let by = format!("{}, run {}", text(resource, "step"), resource["attempt"]);
            let [kind, state, name, id, region] =
                ["kind", "state", "name", "external_id", "region"].map(|field| text(resource, field));
            table.row([kind, state, name, id, region, &by, &output.when(&resource["asked_at"])]);
        }
        table.render()
    })
}
