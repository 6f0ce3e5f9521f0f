//! `ivory purge get`.

use domain::routes::GET_PURGE;
use serde_json::Value;

use crate::api::Request;
use crate::cli::TenantRef;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Output, Table, plain, text};

pub async fn run(tenant: &TenantRef, context: &Context) -> Result<(), Error> {
    let purge = context.read(&Request::about(&GET_PURGE, tenant)).await?;
    context.output.value(&purge, "tenant_id", |output| shown(&purge, output))
}

fn shown(purge: &Value, output: &Output) -> String {
    let field = |name| text(purge, name).to_owned();
    let policies =
        format!("customer {}, data {}", text(&purge["policies"], "customer"), text(&purge["policies"], "data"));
    let no_return = match output.when(&purge["no_return_at"]) {
        begun if begun.is_empty() => field("point_of_no_return"),
        begun => format!("{}, begun {begun}", field("point_of_no_return")),
    };
    let released = if purge["slug_released"] == true { "free" } else { "reserved" };
    let record = Table::record([
        ("tenant id", field("tenant_id")),
        ("slug", format!("{}, {released}", field("slug"))),
        ("state", field("state")),
        ("step", field("step")),
        ("policies", policies),
        ("asked for by", field("requested_by")),
        ("asked for", output.when(&purge["requested_at"])),
        ("reason", field("reason")),
        ("approved by", field("approved_by")),
        ("approved", output.when(&purge["approved_at"])),
        ("point of no return", no_return),
        ("cause", text(&purge["cause"], "code").to_owned()),
        ("done", output.when(&purge["finished_at"])),
    ]);
    let mut table = Table::new(["what", "name", "outcome", "its system said", "asked"]);
    for item in purge["items"].as_array().into_iter().flatten() {
        let outcome = match (text(item, "outcome"), text(item, "why"), output.when(&item["until"])) {
            ("kept", why, _) => format!("kept: {why}"),
            ("scheduled", _, until) => format!("scheduled, {until}"),
            (outcome, ..) => outcome.to_owned(),
        };
        let [kind, name, answered] = ["kind", "name", "answered"].map(|field| text(item, field));
        table.row([kind, name, &outcome, answered, &output.when(&item["asked_at"])]);
    }
    let hint = text(&purge["cause"], "hint");
    let hint = if hint.is_empty() { String::new() } else { format!("\n{}", plain(hint)) };
    format!("{record}{hint}\n\n{}", table.render())
}
