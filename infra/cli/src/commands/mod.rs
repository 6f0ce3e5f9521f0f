//! What the commands do. One file has one command: what can be typed, what is asked, what is shown.

pub mod audit;
pub mod auth;
pub mod catalog;
pub mod explain;
mod health;
pub mod login;
pub mod profile;
pub mod purge;
pub mod schema;
pub mod shell;
pub mod sync;
mod systems;
pub mod tenant;
mod words;

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::{fs, io};

use clap::Args;
use domain::FieldError;
use serde_json::{Map, Value};

use crate::api::Request;
use crate::cli::Command;
use crate::context::Context;
use crate::error::Error;

/// Does what the command line says.
pub async fn run(command: &Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Login(login) => login.run(context).await,
        Command::Logout(logout) => logout.run(context),
        Command::Profile(profile) => profile.run(context),
        Command::Health => health::run(context).await,
        Command::Auth(auth::Auth::Check) => auth::run(context).await,
        Command::Systems => systems::run(context).await,
        Command::Tenant(tenant) => tenant.run(context).await,
        Command::Purge(purge) => purge.run(context).await,
        Command::Catalog(catalog) => catalog.run(context).await,
        Command::Sync(sync) => sync.run(context).await,
        Command::Audit(audit) => audit.run(context).await,
        Command::Explain(explain) => explain.run(context),
        Command::Schema(schema) => schema.run(context),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    }
}

/// A request's fields: those that have a value.
fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The options with other names than the fields that they set.
const OPTIONS: &[(&str, &str)] = &[
    ("admin_email", "--admin"),
    ("data_residency_verified", "--residency-verified"),
    ("catalog_uri", "--uri"),
    ("storage_prefix", "--prefix"),
    ("s3_access_key_id", "the access key's id"),
    ("s3_secret_key_enc", "the secret key"),
    ("source_schema", "--schema"),
    ("source_table", "--table"),
    ("iceberg_namespace", "--namespace"),
    ("primary_key_cols", "--primary-key"),
    ("cursor_col", "--cursor"),
    ("sync_mode", "--mode"),
    ("fivetran_connector_id", "--connector"),
];

/// Mistakes in fields, by the options that set them.
fn options(errors: Vec<FieldError>) -> Error {
    let option = |FieldError { field, message }: FieldError| {
        let known = OPTIONS.iter().find(|(name, _)| *name == field);
        let other = || if field == "slug" { field.clone() } else { format!("--{}", field.replace('_', "-")) };
        FieldError { field: known.map_or_else(other, |(_, option)| (*option).to_owned()), message }
    };
    Error::Invalid(errors.into_iter().map(option).collect())
}

/// A file's text, or that of standard input.
fn contents(path: &Path) -> Result<String, Error> {
    let text = if path.as_os_str() == "-" { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    text.map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

/// Asks on the terminal. Where there is none, somebody has to have said `--yes`.
fn confirm(question: &str, is_yes: impl FnOnce(&str) -> bool) -> Result<(), Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Usage("nobody can be asked here; say --yes".to_owned()));
    }
    eprint!("{question} ");
    io::stderr().flush().map_err(Error::system)?;
    let mut typed = String::new();
    io::stdin().read_line(&mut typed).map_err(Error::system)?;
    if is_yes(typed.trim()) { Ok(()) } else { Err(Error::Refused("nothing was changed".to_owned())) }
}

/// How much of a list is wanted.
#[derive(Clone, Args)]
pub struct Page {
    /// At most so many, instead of all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// The rows of one request. An answer of Lambda has 6 MB at most.
const PAGE: usize = 1000;

impl Page {
    /// Reads page after page.
    async fn all(&self, request: Request, context: &Context) -> Result<Value, Error> {
        let client = context.client()?;
        let limit = self.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut request = request.asking("limit", Some(limit.min(PAGE)));
        let (mut items, mut cursors) = (Vec::new(), BTreeSet::new());
        loop {
            let answer = client.send(&request, None).await?;
            let Value::Array(page) = answer.json()? else {
                return Err(Error::Unforeseen("the answer is no list: is this the API's URL?".to_owned()));
            };
            items.extend(page);
            let Some(cursor) = answer.next_page().filter(|_| items.len() < limit) else { break };
            if !cursors.insert(cursor.clone()) {
                return Err(Error::Unforeseen("the list has no end: a page leads to one before it".to_owned()));
            }
            request = request.page(cursor);
        }
        items.truncate(limit);
        Ok(items.into())
    }
}

/// Reads a JSON object.
fn metadata(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() { Ok(value) } else { Err("must be a JSON object".to_owned()) }
}
