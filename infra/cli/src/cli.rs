//! The command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use domain::{Invalid, Slug, TenantId};
use jiff::SignedDuration;
use url::Url;

use crate::commands::{audit, auth, catalog, explain, login, profile, purge, schema, shell, sync, tenant};
use crate::output::Format;
use crate::profiles::ProfileName;

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  something unforeseen
   2  the command line or the values are wrong (also 400, 413, 415 and 422 of the API)
   3  refused: no credential, no right, no such thing, or not in this state (401, 403, 404, 409, 412)
   4  unavailable: no connection, no answer in time, 429, 5xx
   5  the run is still under way
   6  rows of the audit log were changed
   7  something of the tenant is broken
  10  the run failed; whoever sent the request can mend it
  11  the run failed; whoever runs the installation can mend it
  12  the run failed; the outside system has to be mended
  13  the run failed at a limit that has to be raised
 130  interrupted

Examples:
  ivory login --url https://api.example.com
  ivory tenant create acme-bank --display-name \"Acme Bank\" --region us-east-1 --admin admin@acmebank.com --residency-verified --wait";

/// The control plane from a terminal: makes tenants, watches them come up, says what is wrong and how to go on.
#[derive(Parser)]
#[command(name = "ivory", version, max_term_width = 120, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command has.
#[derive(Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The profile to use, instead of the one in `IVORY_PROFILE` or the current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<ProfileName>,
    /// The API's URL, instead of the one in `IVORY_URL`. The credentials are those in `IVORY_API_KEY` and `IVORY_TOKEN`.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<Url>,
    /// How to print. A table on a terminal, JSON elsewhere.
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Print points in time, not how long ago they were.
    #[arg(long, global = true, hide_short_help = true)]
    pub absolute_times: bool,
    /// The longest that one request may take.
    #[arg(long, global = true, hide_short_help = true, default_value = "30s", value_name = "DURATION")]
    pub time_out: Limit,
    /// For how long a request is tried again: 429, 503, a 409 with Retry-After, and a POST or PATCH whose answer was lost.
    #[arg(long, global = true, hide_short_help = true, default_value = "1m", value_name = "DURATION")]
    pub retry_for: Limit,
    /// Show every request on standard error, without credentials and secrets.
    #[arg(long, global = true, hide_short_help = true)]
    pub debug: bool,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Keep the API's URL and credentials in a profile.
    Login(login::Login),
    /// Forget a profile and its credentials.
    Logout(login::Logout),
    /// Show profiles, or choose one.
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Ask whether the API and the lakehouse behind it answer.
    #[command(after_help = "\
Examples:
  ivory health
  ivory health --url https://api.example.com -o json")]
    Health,
    /// See what the credentials at hand may do.
    #[command(subcommand)]
    Auth(auth::Auth),
    /// See whether the next tenant would meet anything: every outside system, with its cause.
    #[command(after_help = "\
Examples:
  ivory systems
  ivory systems -o json | jq '.[] | select(.verdict != \"usable\")'")]
    Systems,
    /// Make, see, change and switch off tenants.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Delete a tenant that is switched off, from every system, and prove it.
    #[command(subcommand)]
    Purge(purge::Purge),
    /// A tenant's lakehouse catalog.
    #[command(subcommand)]
    Catalog(catalog::Catalog),
    /// What is synced from tenants' Postgres into Iceberg.
    #[command(subcommand)]
    Sync(sync::Sync),
    /// Who changed what, and whether the log of it was changed.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Explain the code of a problem, a cause or a warning.
    Explain(explain::Explain),
    /// Print the JSON schema of what a command prints.
    Schema(schema::Schema),
    /// Print the completions of a shell.
    Completions(shell::Completions),
    /// Print the manual, or write all its pages.
    Man(shell::Man),
}

/// How a change is made.
#[derive(Clone, Args)]
pub struct Change {
    /// Show the request that would be sent. Nothing is sent.
    #[arg(long)]
    pub dry_run: bool,
    /// The request's key, if it repeats one whose answer was lost. Otherwise there is a new one by itself.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<String>,
}

impl Change {
    pub fn key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }
}

fn idempotency_key(text: &str) -> Result<String, &'static str> {
    let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 255 visible ASCII characters") }
}

/// How long something may take: `30s`, `5m`, `1h`.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub Duration);

impl Limit {
    /// Nobody waits longer.
    const LONGEST: Duration = Duration::from_hours(30 * 24);
    /// Nobody looks more often.
    const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

    /// A pause between two requests.
    pub fn pause(text: &str) -> Result<Self, &'static str> {
        let limit: Self = text.parse()?;
        if limit.0 < Self::SHORTEST_PAUSE { Err("must be 100ms or more") } else { Ok(limit) }
    }
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let span = text.parse::<SignedDuration>().ok().and_then(|span| span.try_into().ok());
        let span = span.ok_or("must be a duration such as 30s, 5m or 1h")?;
        if span > Self::LONGEST { Err("must be 30 days or less") } else { Ok(Self(span)) }
    }
}

/// A tenant's id or its slug.
#[derive(Debug, Clone)]
pub struct TenantRef(String);

impl FromStr for TenantRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let id: Result<TenantId, _> = text.parse();
        id.map_or_else(|_| text.parse().map(|slug: Slug| slug.to_string()), |id| Ok(id.to_string())).map(Self)
    }
}

impl fmt::Display for TenantRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A parser of one of some words, which help and completions name.
pub fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|value| word(*value))).map(move |typed| {
        let is_it = |value: &&T| word(**value) == typed;
        *all.iter().find(is_it).expect("one of the words")
    })
}
