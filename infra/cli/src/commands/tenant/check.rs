//! `ivory tenant check`.

use domain::routes::CHECK_TENANT;
use serde_json::Value;

use crate::api::Request;
use crate::cli::TenantRef;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::{Table, plain, text};

pub async fn run(tenant: &TenantRef, context: &Context) -> Result<(), Error> {
    let found = context.read(&Request::about(&CHECK_TENANT, tenant)).await?;
    context.output.value(&found, "resource", |_| {
        let mut table = Table::new(["resource", "state", "name", "expected", "found"]).with_states(1);
        for part in parts(&found) {
            table.row(["resource", "state", "name", "expected", "found"].map(|field| text(part, field)));
        }
        with_hints(&table.render(), parts(&found).filter(|part| !part["code"].is_null()))
    })?;
    let is = |state: &str| parts(&found).any(|part| part["state"] == state);
    if is("broken") {
        Err(Error::Said(Exit::Broken))
    } else if is("not_asked") {
        Err(Error::Said(Exit::Unavailable))
    } else {
        Ok(())
    }
}

fn parts(found: &Value) -> impl Iterator<Item = &Value> {
    found.as_array().into_iter().flatten()
}

/// What is shown, and below it what to do about what is not as it should be.
pub fn with_hints<'a>(shown: &str, wrong: impl Iterator<Item = &'a Value>) -> String {
    let hint = |part: &Value| {
        let by = format!("{} ({})", text(part, "code"), text(part, "owner"));
        plain(&format!("{}: {by}: {}", text(part, "resource"), text(part, "hint")))
    };
    let hints: Vec<_> = wrong.map(hint).collect();
    if hints.is_empty() { shown.to_owned() } else { format!("{shown}\n{}\n", hints.join("\n")) }
}
