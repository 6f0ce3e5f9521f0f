//! `ivory health`.

use domain::routes::CHECK_LAKEHOUSE_HEALTH;

use crate::api::{Problem, Request};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::{plain, style, text};
use crate::profiles::Account;

pub async fn run(context: &Context) -> Result<(), Error> {
    let answer =
        context.client_of(Account::nobody(context.said())?)?.probe(&Request::new(&CHECK_LAKEHOUSE_HEALTH)).await?;
    if let Some(problem) = Problem::read(&answer) {
        return Err(Error::Problem(Box::new(problem), None));
    }
    // Whatever answers in the place of an API that is down need not speak JSON.
    let is_down = answer.status >= 500;
    let health = answer.json();
    let health = health.map_err(|error| if is_down { Error::Unavailable(error.to_string(), None) } else { error })?;
    // A health that is bad has the same place as one that is good: a probe reads it.
    let status = text(&health, "status");
    if status.is_empty() {
        return Err(Error::Unforeseen(format!("the answer ({}) is not the API's: is this its URL?", answer.status)));
    }
    context.output.value(&health, "status", |_| {
        let (latency, error) = (health["latency_ms"].as_u64(), plain(text(&health, "error")));
        let latency = latency.map(|latency| format!("  {latency} ms")).unwrap_or_default();
        format!(
            "the API       {}\nthe lakehouse {}{latency}  {error}",
            style::state("ok"),
            style::state(&plain(status))
        )
    })?;
    if status == "ok" { Ok(()) } else { Err(Error::Said(Exit::Unavailable)) }
}
