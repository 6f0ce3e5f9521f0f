//! `ivory login` and `ivory logout`.

use std::io::{self, IsTerminal as _};

use clap::Args;
use secrecy::SecretString;
use serde_json::json;

use super::auth;
use crate::context::Context;
use crate::error::Error;
use crate::output::note;
use crate::profiles::{Account, Credentials, Folder, KeptIn, LOCAL, ProfileName};
use crate::prompt;

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
        let (url, name) = context.said().both(&folder)?;
        let name = name.map_or_else(|| named(FIRST), Ok)?;
        // A profile that cannot be read is what a login mends.
        let old = folder.read(&name).unwrap_or_else(|error| {
            note(format_args!("{error}; what it had is forgotten"));
            None
        });
        let url = url.or_else(|| old.as_ref().map(|profile| profile.url.clone()));
        let url = url.ok_or_else(|| Error::Usage(format!("profile {name} is new; say --url, too")))?;
        // What was kept for another URL is not for this one.
        let kept = old.filter(|profile| profile.url == url).map(|profile| profile.credentials).unwrap_or_default();
        let given = self.given()?;

        let check = async |credentials: &Credentials| {
            let account = Account::new(url.clone(), Some(name.clone()), credentials.clone())?;
            auth::check(&context.client_of(account.clone())?, &account).await
        };
        let mut credentials = given.clone().or(kept);
        let (mut report, refused) = check(&credentials).await?;
        if refused.is_some() {
            // One that was kept may have ended since. One that is given now has to work.
            let (of_given, refused) = check(&given).await?;
            if let Some(refused) = refused {
                return Err(refused);
            }
            note("the credential that was kept beside it is refused, and forgotten");
            (credentials, report) = (given, of_given);
        }
        let kept_in = folder.write(&name, &url, &credentials)?;
        if !self.no_switch {
            folder.choose(&name)?;
        }
        let place = match kept_in {
            KeptIn::Keyring => "the system's keyring",
            KeptIn::File => "a file that only you can read, since there is no keyring",
        };
        note(format_args!("Profile {name} is kept in {place}."));
        auth::show(&report, &context.output)
    }

    /// The credentials that are given now.
    fn given(&self) -> Result<Credentials, Error> {
        const KEY: &str = "API key";
        const TOKEN: &str = "Token for the lakehouse";
        if self.with_api_key {
            return Ok(Credentials { api_key: Some(piped(KEY)?), token: None });
        }
        if self.with_token {
            return Ok(Credentials { api_key: None, token: Some(piped(TOKEN)?) });
        }
        if io::stdin().is_terminal() {
            let ask = |what| typed(&format!("{what} (Enter for none): "));
            return Ok(Credentials { api_key: ask(KEY)?, token: ask(TOKEN)? });
        }
        let given = Credentials::from_environment();
        if given.api_key.is_none() && given.token.is_none() {
            let how = "standard input is no terminal; say --with-api-key or --with-token to read one from it";
            return Err(Error::Usage(how.to_owned()));
        }
        Ok(given)
    }
}

impl Logout {
    #[expect(clippy::unused_self, reason = "as every command has it")]
    pub fn run(&self, context: &Context) -> Result<(), Error> {
        let folder = Folder::find()?;
        let name = context.said().both(&folder)?.1.map_or_else(|| named(LOCAL), Ok)?;
        let removed = folder.remove(&name)?;
        let report = json!({ "profile": name.to_string(), "removed": removed });
        context.output.value(&report, "profile", |_| {
            format!("Profile {name} {}.", if removed { "is forgotten" } else { "was not there" })
        })
    }
}

fn named(name: &str) -> Result<ProfileName, Error> {
    name.parse().map_err(|what: &str| Error::Unforeseen(what.to_owned()))
}

/// From standard input, all of it. A terminal does not show what is typed.
fn piped(what: &str) -> Result<SecretString, Error> {
    if io::stdin().is_terminal() {
        return typed(&format!("{what}: "))?.ok_or_else(|| Error::Usage("nothing was typed".to_owned()));
    }
    let text = io::read_to_string(io::stdin()).map_err(Error::system)?;
    secret(&text).ok_or_else(|| Error::Usage("standard input is empty".to_owned()))
}

fn typed(text: &str) -> Result<Option<SecretString>, Error> {
    Ok(secret(&prompt::secret(text)?))
}

fn secret(text: &str) -> Option<SecretString> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
