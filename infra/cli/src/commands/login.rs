//! `ivory login` and `ivory logout`.

use std::io::{IsTerminal as _, Read as _};

use clap::Args;
use secrecy::SecretString;
use serde_json::json;

use super::auth;
use crate::context::Context;
use crate::error::Error;
use crate::output::Table;
use crate::profiles::{Account, Credentials, Folder, KeptIn, LOCAL, ProfileName};

/// The profile of a first login that names none.
const FIRST: &str = "default";

/// Keep the API's URL and credentials in a profile, and use it from now on.
///
/// The credentials are asked for, or read from standard input, and kept only if the API knows them. They are kept in the
/// system's keyring, and where there is none in a file that only you can read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory login --url https://api.example.com
  ivory login --url https://api.example.com --profile prod --with-api-key < key.txt")]
pub struct Login {
    /// Read the API key from standard input. The profile's token stays.
    #[arg(long, conflicts_with = "with_token")]
    with_api_key: bool,
    /// Read the token from standard input. The profile's API key stays.
    #[arg(long)]
    with_token: bool,
    /// Leave the current profile the current one.
    #[arg(long)]
    no_switch: bool,
}

/// Forget a profile and its credentials.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory logout
  ivory logout --profile prod")]
pub struct Logout {}

impl Login {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let folder = Folder::find()?;
        let name = match &context.global.profile {
            Some(name) => name.clone(),
            None => folder.current()?.unwrap_or(named(FIRST)?),
        };
        let old = folder.read(&name)?;
        let url = context.global.url.clone().or_else(|| old.as_ref().map(|profile| profile.url.clone()));
        let url = url.ok_or_else(|| Error::Usage(format!("profile {name} is new; say --url, too")))?;
        // What was kept for another URL is not for this one.
        let kept = old.filter(|profile| profile.url == url).map(|profile| profile.credentials).unwrap_or_default();
        let credentials = self.credentials(kept)?;

        let mut account = Account::new(url.clone(), credentials.clone())?;
        account.profile = Some(name.clone());
        let (report, refused) = auth::check(&context.client_of(account.clone())?, &account).await?;
        if let Some(refused) = refused {
            return Err(refused);
        }
        let kept_in = folder.write(&name, &url, &credentials)?;
        if !self.no_switch {
            folder.choose(&name)?;
        }
        let place = match kept_in {
            KeptIn::Keyring => "the system's keyring",
            KeptIn::File => "a file that only you can read, since there is no keyring",
        };
        eprintln!("Profile {name} is kept in {place}.");
        auth::show(&report, &context.output)
    }

    /// Those that are given now, beside those that are kept.
    fn credentials(&self, kept: Credentials) -> Result<Credentials, Error> {
        if self.with_api_key {
            return Ok(Credentials { api_key: Some(from_stdin()?), ..kept });
        }
        if self.with_token {
            return Ok(Credentials { token: Some(from_stdin()?), ..kept });
        }
        if !std::io::stdin().is_terminal() {
            let how = "standard input is no terminal; say --with-api-key or --with-token to read one from it";
            return Err(Error::Usage(how.to_owned()));
        }
        let api_key = prompt("API key (Enter for none): ")?.or(kept.api_key);
        let token = prompt("Token for the lakehouse (Enter for none): ")?.or(kept.token);
        Ok(Credentials { api_key, token })
    }
}

impl Logout {
    #[expect(clippy::unused_self, reason = "as every command has it")]
    pub fn run(&self, context: &Context) -> Result<(), Error> {
        let folder = Folder::find()?;
        let name = context.global.profile.clone().map_or_else(|| folder.current(), |name| Ok(Some(name)))?;
        let name = name.unwrap_or(named(LOCAL)?);
        let removed = folder.remove(&name)?;
        let report = json!({ "profile": name.to_string(), "removed": removed });
        context.output.value(&report, "profile", |_| {
            let what = if removed { "is forgotten" } else { "was not there" };
            Table::record([("profile", format!("{name} {what}"))])
        })
    }
}

fn named(name: &str) -> Result<ProfileName, Error> {
    name.parse().map_err(|what: &str| Error::Unforeseen(what.to_owned()))
}

fn from_stdin() -> Result<SecretString, Error> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(Error::system)?;
    secret(&text).ok_or_else(|| Error::Usage("standard input is empty".to_owned()))
}

fn prompt(text: &str) -> Result<Option<SecretString>, Error> {
    Ok(secret(&rpassword::prompt_password(text).map_err(Error::system)?))
}

fn secret(text: &str) -> Option<SecretString> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
