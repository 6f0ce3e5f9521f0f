//! A tenant's run: the nine steps, live, and why it failed.

mod board;
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
use crate::output::{note, text};

use self::board::Board;
pub use self::status::Status;
use self::status::{Change, State};

/// How often what is on a terminal is drawn anew.
const FRAME: Duration = Duration::from_millis(250);
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
    #[arg(long, value_name = "DURATION")]
    poll_every: Option<Limit>,
}

/// Says what a request did about a tenant's run, and waits for the run if that is wanted.
pub async fn accepted(accepted: &Value, wait: &Wait, context: &Context) -> Result<(), Error> {
    let slug = text(accepted, "slug");
    for late in accepted["not_applied"].as_array().into_iter().flatten() {
        eprintln!("{} was not changed: {}", text(late, "field"), text(late, "reason"));
    }
    if !wait.wait {
        return context.output.value(accepted, "slug", |_| {
            let did = match (text(accepted, "run"), text(accepted, "resumes_at")) {
                ("resumed", step) if !step.is_empty() => format!("resumes at {step}"),
                ("found", _) => "is being provisioned already".to_owned(),
                _ => "is being provisioned".to_owned(),
            };
            format!("{slug} {did}.\n  watch it: ivory tenant watch {slug}")
        });
    }
    let slug: Slug = slug.parse().map_err(Error::system)?;
    let (status, answer) = settled(&slug, &wait.pace, context).await?;
    if !context.output.is_for_people() {
        context.output.value(&answer, "slug", |_| String::new())?;
    }
    status.verdict()
}

/// Waits for a tenant's run, if that is wanted.
pub async fn end(slug: &Slug, wait: &Wait, context: &Context) -> Result<(), Error> {
    if wait.wait { settled(slug, &wait.pace, context).await?.0.verdict() } else { Ok(()) }
}

/// Waits for a run and shows it on standard error.
async fn settled(slug: &Slug, pace: &Pace, context: &Context) -> Result<(Status, Value), Error> {
    let mut board = Board::new(std::io::stderr().is_terminal());
    let followed = follow(slug, pace, context, |sight| {
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
        return settled(slug, pace, context).await?.0.verdict();
    }
    let mut seen = Vec::new();
    let (status, _) = follow(slug, pace, context, |sight| {
        let Sight::Status(status) = sight else { return Ok(()) };
        for change in status.changes_since(&mut seen) {
            context.output.event(&change.event(status), "slug", || change.line(status))?;
        }
        Ok(())
    })
    .await?;
    let end = Change::Settled;
    context.output.event(&end.event(&status), "slug", || end.line(&status))?;
    status.explain();
    status.verdict()
}

/// What a viewer is shown.
enum Sight<'a> {
    /// The status was read.
    Status(&'a Status),
    /// Time has gone by.
    Frame(&'a Status),
}

/// Reads the status until the tenant is no longer being provisioned, or until Ctrl-C. The run goes on in either case.
async fn follow(
    slug: &Slug,
    pace: &Pace,
    context: &Context,
    look: impl FnMut(Sight<'_>) -> Result<(), Error>,
) -> Result<(Status, Value), Error> {
    tokio::select! {
        settled = until_settled(slug, pace, context, look) => settled,
        pressed = ctrl_c() => Err(pressed.map_or_else(Error::system, |()| Error::Interrupted(slug.to_string()))),
    }
}

/// Whatever is temporary is waited for: a run does not end because somebody cannot see it.
async fn until_settled(
    slug: &Slug,
    pace: &Pace,
    context: &Context,
    mut look: impl FnMut(Sight<'_>) -> Result<(), Error>,
) -> Result<(Status, Value), Error> {
    let client = context.client()?;
    let request = Request::about(&GET_TENANT_STATUS, slug);
    let end = Instant::now() + pace.wait_for.0;
    let mut last: Option<Status> = None;
    loop {
        let (answer, pause) = match timeout_at(end, ask(&client, &request)).await {
            Err(_) => return Err(Error::StillRunning(slug.to_string())),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Some(answer))) => {
                let pause = answer.retry_after();
                (Some(answer), pause)
            }
            Ok(Ok(None)) => (None, None),
        };
        if let Some(answer) = answer {
            let status = Status::read(&answer)?;
            look(Sight::Status(&status))?;
            if status.state != State::Provisioning {
                return Ok((status, answer.json()?));
            }
            last = Some(status);
        }
        let pause = pace.poll_every.map_or(pause.unwrap_or(PAUSE), |every| every.0);
        let next = Instant::now() + pause;
        if next > end {
            return Err(Error::StillRunning(slug.to_string()));
        }
        while Instant::now() < next {
            sleep(FRAME.min(next - Instant::now())).await;
            if let Some(status) = &last {
                look(Sight::Frame(status))?;
            }
        }
    }
}

/// Asks once. `None`: nobody could be asked just now.
async fn ask(client: &Client, request: &Request) -> Result<Option<Answer>, Error> {
    match client.send(request, None).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ Error::Unavailable(..)) => {
            note(format_args!("{error}; looking again"));
            Ok(None)
        }
        Err(Error::Problem(problem, _)) if matches!(problem.status, 429 | 500..) => {
            note(format_args!("{}; looking again", problem.detail));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
