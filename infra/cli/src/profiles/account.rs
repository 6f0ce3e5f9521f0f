//! The API's URL with the credentials for it.

use secrecy::SecretString;
use url::Url;

use super::{Credentials, Folder, ProfileName};
use crate::api::is_loopback;
use crate::error::Error;

/// The variable with an API key.
const API_KEY: &str = "IVORY_API_KEY";
/// The variable with a token.
const TOKEN: &str = "IVORY_TOKEN";

/// Where the API is and who asks it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The API's URL, below which `/v1` lies.
    pub url: Url,
    /// The profile that it is from; `None`: from the command line or the environment.
    pub profile: Option<ProfileName>,
    credentials: Credentials,
}

impl Account {
    /// An account that is in no profile yet.
    pub fn new(url: Url, credentials: Credentials) -> Result<Self, Error> {
        check(&url)?;
        Ok(Self { url, profile: None, credentials })
    }

    /// From the URL given, with the environment's credentials; else from a profile. A credential in the environment goes
    /// before the profile's, and a profile's credential is never sent to another URL than the profile's own.
    pub fn find(url: Option<&Url>, profile: Option<&ProfileName>) -> Result<Self, Error> {
        let given = Credentials { api_key: variable(API_KEY), token: variable(TOKEN) };
        if let Some(url) = url {
            if profile.is_some() {
                let both = "a URL and a profile are given, and a profile's credentials are for its own URL only";
                return Err(Error::Usage(both.to_owned()));
            }
            return Self::new(url.clone(), given);
        }
        let folder = Folder::find()?;
        let chosen = profile.cloned().map_or_else(|| folder.current(), |name| Ok(Some(name)))?;
        let Some(name) = chosen else {
            return Err(Error::NoCredential("there is no profile, and IVORY_URL is not set".to_owned()));
        };
        let Some(profile) = folder.read(&name)? else {
            return Err(Error::NoCredential(format!("there is no profile {name}")));
        };
        check(&profile.url)?;
        let Credentials { api_key, token } = profile.credentials;
        let credentials = Credentials { api_key: given.api_key.or(api_key), token: given.token.or(token) };
        Ok(Self { url: profile.url, profile: Some(name), credentials })
    }

    /// The key that routes about tenants need.
    pub fn api_key(&self) -> Result<&SecretString, Error> {
        self.credentials.api_key.as_ref().ok_or_else(|| self.lacks("API key", API_KEY))
    }

    /// The token that the lakehouse's routes need.
    pub fn token(&self) -> Result<&SecretString, Error> {
        self.credentials.token.as_ref().ok_or_else(|| self.lacks("token", TOKEN))
    }

    fn lacks(&self, what: &str, variable: &str) -> Error {
        let place = self.profile.as_ref().map(|name| format!("profile {name} has none and "));
        Error::NoCredential(format!("this needs the {what}: {}{variable} is not set", place.unwrap_or_default()))
    }
}

fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Into::into)
}

/// Credentials go over TLS, or stay on this machine. A URL has none in it: it is shown.
fn check(url: &Url) -> Result<(), Error> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Usage("the URL must have no user and no password".to_owned()));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        _ => Err(Error::Usage(format!("{url}: must be https, or http on this machine"))),
    }
}
