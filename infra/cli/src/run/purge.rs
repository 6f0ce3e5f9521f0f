//! A purge: its eight steps as lines, and why it failed.

use domain::routes::GET_PURGE;
use domain::{Cause, PurgeState};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Look, PAUSE, Pace, SHORTEST_PAUSE, ask};
use crate::api::Request;
use crate::cli::TenantRef;
use crate::context::Context;
use crate::error::Error;
use crate::output::{note, plain, style, text};

/// Prints every change until the purge is over, or until Ctrl-C. It goes on in either case.
pub async fn watch(tenant: &TenantRef, pace: &Pace, context: &Context) -> Result<(), Error> {
    let interrupted = || Error::Interrupted(Some(tenant.to_string()), None);
    tokio::select! {
        biased;
        pressed = ctrl_c() => Err(pressed.map_or_else(Error::system, |()| interrupted())),
        over = until_over(tenant, pace, context) => over,
    }
}

async fn until_over(tenant: &TenantRef, pace: &Pace, context: &Context) -> Result<(), Error> {
    let client = context.client()?;
    let request = Request::about(&GET_PURGE, tenant);
    let end = Instant::now() + pace.wait_for.0;
    let still_running = || Error::PurgeRunning(tenant.to_string());
    let mut seen: Vec<Value> = Vec::new();
    let mut is_known = false;
    loop {
        let asked = timeout_at(end, ask(client, &request, is_known)).await.map_err(|_| still_running())?;
        let asked_for = match asked? {
            Look::Seen(answer) => {
                is_known = true;
                let purge = answer.json()?;
                let unknown = || Error::Unforeseen("the purge is not one that this release knows".to_owned());
                let state: PurgeState = text(&purge, "state").parse().map_err(|_| unknown())?;
                let at = answer.date().unwrap_or_else(Timestamp::now);
                show(&purge, at, &mut seen, context)?;
                match state {
                    PurgeState::Running | PurgeState::WaitingApproval => answer.retry_after(),
                    PurgeState::Done | PurgeState::Failed | PurgeState::Withdrawn => {
                        let over = event(&purge, at, &Value::Null);
                        let printed = context.output.event(&over, "tenant_id", || {
                            format!("the purge of {} is {}", plain(text(&purge, "slug")), state.as_str())
                        });
                        return verdict(tenant, state, &purge).and(printed);
                    }
                }
            }
            Look::Later(after) => after,
        };
        let pause = pace.poll_every.map_or(asked_for.unwrap_or(PAUSE).max(SHORTEST_PAUSE), |every| every.0);
        let now = Instant::now();
        if now >= end {
            return Err(still_running());
        }
        // The last look is at the very end.
        sleep_until(now.checked_add(pause).map_or(end, |next| next.min(end))).await;
    }
}

/// Prints the steps that are not what was seen before.
fn show(purge: &Value, at: Timestamp, seen: &mut Vec<Value>, context: &Context) -> Result<(), Error> {
    let steps = purge["steps"].as_array().cloned().unwrap_or_default();
    for (index, step) in steps.iter().enumerate() {
        let is_new = seen.get(index).map_or(text(step, "state") != "pending", |before| before != step);
        if is_new {
            context.output.event(&event(purge, at, step), "tenant_id", || line(step))?;
        }
    }
    *seen = steps;
    Ok(())
}

/// For machines.
fn event(purge: &Value, at: Timestamp, step: &Value) -> Value {
    json!({
        "at": at, "tenant_id": purge["tenant_id"], "slug": purge["slug"], "attempt": purge["attempt"], "state": purge["state"],
        "step": step,
    })
}

/// For people.
fn line(step: &Value) -> String {
    let [id, name, state, waiting] = ["id", "name", "state", "waiting_for"].map(|field| plain(text(step, field)));
    let cause = plain(text(&step["cause"], "code"));
    let more = match (waiting.as_str(), cause.as_str()) {
        ("", "") => String::new(),
        ("", cause) => format!("   {cause}"),
        (waiting, _) => format!("   waiting for {waiting}"),
    };
    format!("{state:<9} {id} {name:<18}{more}").trim_end().to_owned()
}

/// Fails unless the purge is done, and says how to go on.
fn verdict(tenant: &TenantRef, state: PurgeState, purge: &Value) -> Result<(), Error> {
    match state {
        PurgeState::Done => {
            note(format_args!("  {} ivory purge get {tenant} -o json shows the certificate", style::strong("then:")));
            Ok(())
        }
        PurgeState::Failed => {
            let cause: Option<Cause> = serde_json::from_value(purge["cause"].clone()).ok();
            if let Some(cause) = &cause {
                let (then, more) = (style::strong("then:"), style::strong("more:"));
                let (hint, code, slug) = (plain(&cause.hint), plain(&cause.code), plain(text(purge, "slug")));
                note(format_args!("  {hint}\n  {then} ivory purge start {slug}\n  {more} ivory explain {code}"));
            }
            Err(Error::Said(cause.map(|cause| cause.owner).into()))
        }
        PurgeState::Withdrawn => Err(Error::Refused("the tenant was restored, and its purge withdrawn".to_owned())),
        PurgeState::Running | PurgeState::WaitingApproval => Err(Error::PurgeRunning(tenant.to_string())),
    }
}
