//! A tenant's run: the nine steps, live, and why it failed.

mod board;
mod purge;
mod status;

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use domain::Slug;
use domain::routes::GET_TENANT_STATUS;
use serde_json::Value;
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep, timeout_at};

use crate::api::{Answer, Client, Request};
use crate::cli::Limit;
use crate::context::Context;
use crate::error::Error;
use crate::output::{note, plain, text};

use self::board::Board;
pub use self::purge::watch as watch_purge;
pub use self::status::Status;
use self::status::{Change, State};

/// How often what is on a terminal is drawn anew.
const FRAME: Duration = Duration::from_millis(250);
/// The shortest pause between two looks, whatever the answer says.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The pause between two looks if the answer says nothing about it.
const PAUSE: Duration = Duration::from_secs(5);

/// Whether the command waits for the run that it began.
#[derive(Clone, Args)]
pub struct Wait {
    /// Wait until the tenant is active or failed, and show the nine steps meanwhile.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    pace: Pace,
}

/// How long a run is watched, and how closely.
#[derive(Clone, Args)]
pub struct Pace {
    /// The longest to wait. The run goes on afterwards.
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    wait_for: Limit,
    /// How often to look, instead of when the API says that it makes sense.
    #[arg(long, value_name = "DURATION", value_parser = Limit::pause)]
    poll_every: Option<Limit>,
}

/// Says what a request did about a tenant's run, and waits for the run if that is wanted.
pub async fn accepted(slug: &Slug, accepted: &Value, wait: &Wait, context: &Context) -> Result<(), Error> {
    not_applied(accepted);
    if !wait.wait {
        return context.output.value(accepted, "slug", |_| {
            let did = match (text(accepted, "run"), text(accepted, "resumes_at")) {
                ("resumed", step) if !step.is_empty() => format!("resumes at {}", plain(step)),
                ("restored", _) => "is being brought back".to_owned(),
                ("found", _) => "is being provisioned already".to_owned(),
                _ => "is being provisioned".to_owned(),
            };
            format!("{slug} {did}.\n  watch it: ivory tenant watch {slug}")
        });
    }
    // The API has just answered: whatever is wrong with it, it comes back.
    let (status, answer) = settled(slug, &wait.pace, Start::Patient, context).await?;
    let for_people = context.output.is_for_people();
    let printed = if for_people { Ok(()) } else { context.output.value(&answer, "slug", |_| String::new()) };
    status.verdict().and(printed)
}

/// Says which values came too late.
pub fn not_applied(accepted: &Value) {
    for late in accepted["not_applied"].as_array().into_iter().flatten() {
        note(format_args!("{} was not changed: {}", plain(text(late, "field")), plain(text(late, "reason"))));
    }
}

/// Waits for a tenant's run, if that is wanted.
pub async fn end(slug: &Slug, wait: &Wait, context: &Context) -> Result<(), Error> {
    if wait.wait { settled(slug, &wait.pace, Start::Patient, context).await?.0.verdict() } else { Ok(()) }
}

/// Waits for a run and shows it on standard error.
async fn settled(slug: &Slug, pace: &Pace, start: Start, context: &Context) -> Result<(Status, Value), Error> {
    let mut board = Board::new();
    let followed = follow(slug, pace, start, context, |sight| {
        match sight {
            Sight::Status(status) => board.show(status),
            Sight::Frame(status) => board.draw(status),
        }
        Ok(())
    })
    .await;
    drop(board);
    followed.inspect(|(status, _)| status.explain())
}

/// Watches a run on standard output: live on a terminal, elsewhere a line per change.
pub async fn watch(slug: &Slug, pace: &Pace, context: &Context) -> Result<(), Error> {
    if context.output.is_for_people() && std::io::stderr().is_terminal() {
        return settled(slug, pace, Start::Strict, context).await?.0.verdict();
    }
    let mut seen = Vec::new();
    let (status, _) = follow(slug, pace, Start::Strict, context, |sight| {
        let Sight::Status(status) = sight else { return Ok(()) };
        for change in status.changes_since(&mut seen) {
            context.output.event(&change.event(status), "slug", || change.line(status))?;
        }
        Ok(())
    })
    .await?;
    let end = Change::Settled;
    let printed = context.output.event(&end.event(&status), "slug", || end.line(&status));
    status.explain();
    status.verdict().and(printed)
}

/// What a viewer is shown.
enum Sight<'a> {
    /// The status was read.
    Status(&'a Status),
    /// Time has gone by.
    Frame(&'a Status),
}

/// What an API that does not answer the first time means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// There may be none: the URL may be wrong.
    Strict,
    /// There is one, which has answered before.
    Patient,
}

/// Reads the status until the tenant is no longer being provisioned, or until Ctrl-C. The run goes on in either case.
async fn follow(
    slug: &Slug,
    pace: &Pace,
    start: Start,
    context: &Context,
    look: impl FnMut(Sight<'_>) -> Result<(), Error>,
) -> Result<(Status, Value), Error> {
    let interrupted = || Error::Interrupted(Some(slug.to_string()), None);
    tokio::select! {
        biased;
        pressed = ctrl_c() => Err(pressed.map_or_else(Error::system, |()| interrupted())),
        settled = until_settled(slug, pace, start, context, look) => settled,
    }
}

/// Whatever is temporary is waited for: a run does not end because somebody cannot see it.
async fn until_settled(
    slug: &Slug,
    pace: &Pace,
    start: Start,
    context: &Context,
    mut look: impl FnMut(Sight<'_>) -> Result<(), Error>,
) -> Result<(Status, Value), Error> {
    let client = context.client()?;
    let request = Request::about(&GET_TENANT_STATUS, slug);
    let end = Instant::now() + pace.wait_for.0;
    let still_running = || Error::StillRunning(slug.to_string());
    let mut last: Option<Status> = None;
    loop {
        let is_known = start == Start::Patient || last.is_some();
        let asked = timeout_at(end, ask(client, &request, is_known)).await.map_err(|_| still_running())?;
        let asked_for = match asked? {
            Look::Seen(answer) => {
                let status = Status::read(slug, &answer)?;
                look(Sight::Status(&status))?;
                if status.state != State::Provisioning {
                    return Ok((status, answer.json()?));
                }
                last = Some(status);
                answer.retry_after()
            }
            Look::Later(after) => after,
        };
        let pause = pace.poll_every.map_or(asked_for.unwrap_or(PAUSE).max(SHORTEST_PAUSE), |every| every.0);
        let now = Instant::now();
        if now >= end {
            return Err(still_running());
        }
        // The last look is at the very end.
        let next = now.checked_add(pause).map_or(end, |next| next.min(end));
        while Instant::now() < next {
            sleep(FRAME.min(next - Instant::now())).await;
            if let Some(status) = &last {
                look(Sight::Frame(status))?;
            }
        }
    }
}

/// What came of looking once.
enum Look {
    Seen(Answer),
    /// Nobody could be asked just now. The answer may say when.
    Later(Option<Duration>),
}

/// Asks once. An API that has never answered is not waited for.
async fn ask(client: &Client, request: &Request, is_known: bool) -> Result<Look, Error> {
    match client.send(request, None).await {
        Ok(answer) => Ok(Look::Seen(answer)),
        Err(error @ Error::Unavailable(..)) if is_known => {
            note(format_args!("{error}; looking again"));
            Ok(Look::Later(None))
        }
        Err(Error::Problem(problem, _)) if problem.is_temporary() || problem.status >= 500 => {
            note(format_args!("{}; looking again", problem.detail));
            Ok(Look::Later(problem.retry_after))
        }
        Err(error) => Err(error),
    }
}
