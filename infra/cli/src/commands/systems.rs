//! `ivory systems`.

use domain::routes::LIST_SYSTEMS;

use crate::api::Request;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Output, Table, plain, text};

pub async fn run(context: &Context) -> Result<(), Error> {
    let systems = context.read(&Request::new(&LIST_SYSTEMS)).await?;
    context.output.value(&systems, "system", |output| {
        let mut table = Table::new(["system", "verdict", "for", "checked", "cause"]).with_states(1);
        let mut notes = Vec::new();
        for system in systems.as_array().into_iter().flatten() {
            let cause = &system["cause"];
            let of = [text(system, "region"), text(system, "tier")].join(" ");
            let checked = checked(system, output);
            table.row([text(system, "system"), text(system, "verdict"), of.trim(), &checked, text(cause, "code")]);
            if !cause.is_null() {
                let note = format!("{} ({}): {}", text(cause, "code"), text(cause, "owner"), text(cause, "hint"));
                notes.push(plain(&note));
            }
            let warnings = system["warnings"].as_array().into_iter().flatten();
            notes.extend(warnings.map(|it| plain(&format!("{}: {}", text(it, "code"), text(it, "hint")))));
        }
        notes.sort();
        notes.dedup();
        if notes.is_empty() {
            return table.render();
        }
        format!("{}\n{}\n\nivory explain CODE says more.", table.render(), notes.join("\n"))
    })
}

fn checked(system: &serde_json::Value, output: &Output) -> String {
    let when = output.when(&system["checked_at"]);
    if system["fresh"] == true { when } else { format!("{when} (too old to count)") }
}
