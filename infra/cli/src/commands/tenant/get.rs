//! `ivory tenant get`.

use domain::Slug;
use domain::routes::GET_TENANT;
use serde_json::Value;

use crate::api::Request;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Output, Table, text};

pub async fn run(tenant: &Slug, context: &Context) -> Result<(), Error> {
    let record = context.read(&Request::about(&GET_TENANT, tenant)).await?;
    context.output.value(&record, "slug", |output| table(&record, output))
}

/// A tenant's record, for people.
pub fn table(record: &Value, output: &Output) -> String {
    let field = |name| text(record, name).to_owned();
    Table::record([
        ("slug", field("slug")),
        ("tenant id", field("tenant_id")),
        ("display name", field("display_name")),
        ("state", field("provisioning_state")),
        ("error", field("error_message")),
        ("tier", field("tier")),
        ("region", field("region")),
        ("admin", field("admin_email")),
        ("domain", field("custom_domain")),
        ("environment", field("supabase_url")),
        ("project", field("supabase_project_ref")),
        ("graph", field("falkordb_graph_name")),
        ("customer", field("stripe_customer_id")),
        ("created", output.when(&record["created_at"])),
        ("active since", output.when(&record["activated_at"])),
        ("restored", output.when(&record["restored_at"])),
        ("legal hold", text(&record["hold"], "reason").to_owned()),
        ("held since", output.when(&record["hold"]["at"])),
        ("held by", text(&record["hold"], "by").to_owned()),
        ("purge", text(&record["purge"], "state").to_owned()),
        ("changed", output.when(&record["updated_at"])),
    ])
}
