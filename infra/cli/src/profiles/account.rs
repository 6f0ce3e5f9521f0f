//! The API's URL with the credentials for it.

use std::fmt::Display;
use std::str::FromStr;

use secrecy::SecretString;
use url::Url;

use super::{Credentials, Folder, ProfileName};
use crate::api::is_loopback;
use crate::error::Error;

/// The variable with the API's URL.
const URL: &str = "IVORY_URL";
/// The variable with a profile's name.
const PROFILE: &str = "IVORY_PROFILE";
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

/// Where the API is, as the command line or the environment says it. An option goes before a variable.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub url: Option<&'a Url>,
    pub profile: Option<&'a ProfileName>,
}

impl Said<'_> {
    /// The URL. Whoever names a profile does not mean a URL that is in the environment.
    fn url(self) -> Result<Option<Url>, Error> {
        if self.url.is_some() || self.profile.is_some() { Ok(self.url.cloned()) } else { variable_as(URL) }
    }

    /// The profile. Whoever names a URL does not mean a profile that is in the environment.
    fn profile(self) -> Result<Option<ProfileName>, Error> {
        if self.url.is_some() || self.profile.is_some() { Ok(self.profile.cloned()) } else { variable_as(PROFILE) }
    }

    /// The URL and the profile, each from its option or else its variable, and the profile else the current one.
    pub fn both(self, folder: &Folder) -> Result<(Option<Url>, Option<ProfileName>), Error> {
        let url = self.url.cloned().map_or_else(|| variable_as(URL), |url| Ok(Some(url)))?;
        let profile = self.profile.cloned().map_or_else(|| variable_as(PROFILE), |name| Ok(Some(name)))?;
        let profile = profile.map_or_else(|| folder.current(), |name| Ok(Some(name)))?;
        Ok((url, profile))
    }

    /// The API's URL, and the profile whose credentials are for it.
    fn place(self) -> Result<(Url, Option<ProfileName>), Error> {
        let (url, profile) = (self.url()?, self.profile()?);
        let lacking = |what: String| Err(Error::NoCredential(what));
        match (url, profile) {
            (Some(url), None) => {
                // Without a home folder there is no profile, and none is needed.
                let current = Folder::find().and_then(|folder| Ok(folder.current()?.zip(Some(folder)))).ok().flatten();
                let is_its = |(name, folder): &(ProfileName, Folder)| matches!(folder.place(name), Ok(Some((of_profile, _))) if of_profile == url);
                let profile = current.filter(is_its).map(|(name, _)| name);
                Ok((url, profile))
            }
            (url, profile) => {
                let folder = Folder::find()?;
                let chosen = profile.map_or_else(|| folder.current(), |name| Ok(Some(name)))?;
                let Some(name) = chosen else {
                    return lacking(format!("there is no profile, and {URL} is not set"));
                };
                let Some((of_profile, _)) = folder.place(&name)? else {
                    return lacking(format!("there is no profile {name}"));
                };
                if url.is_some_and(|url| url != of_profile) {
                    let other = "the profile is for another URL, and its credentials go nowhere else";
                    return Err(Error::Usage(other.to_owned()));
                }
                Ok((of_profile, Some(name)))
            }
        }
    }
}

impl Account {
    /// An account with these credentials, that is in this profile or in none.
    pub fn new(url: Url, profile: Option<ProfileName>, credentials: Credentials) -> Result<Self, Error> {
        check(&url)?;
        Ok(Self { url, profile, credentials })
    }

    /// Without any credentials.
    pub fn nobody(said: Said<'_>) -> Result<Self, Error> {
        let (url, profile) = said.place()?;
        Self::new(url, profile, Credentials::default())
    }

    /// With the environment's credentials, or else the profile's. A profile's credential is never sent to another URL than
    /// the profile's own.
    pub fn find(said: Said<'_>) -> Result<Self, Error> {
        let (url, profile) = said.place()?;
        let given = Credentials::from_environment();
        let kept = match &profile {
            Some(name) if given.api_key.is_none() || given.token.is_none() => Folder::find()?.read(name)?,
            Some(_) | None => None,
        };
        Self::new(url, profile, given.or(kept.map(|profile| profile.credentials).unwrap_or_default()))
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

impl Credentials {
    /// Those in the environment.
    pub fn from_environment() -> Self {
        Self { api_key: variable(API_KEY).map(Into::into), token: variable(TOKEN).map(Into::into) }
    }
}

/// A variable's value. An empty one says nothing, since a CI cannot always leave one out.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn variable_as<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, Error> {
    let read = |text: String| text.parse().map_err(|error| Error::Usage(format!("{name}: {error}")));
    variable(name).map(read).transpose()
}

/// Credentials go over TLS, or stay on this machine. A URL has none in it: it is shown.
fn check(url: &Url) -> Result<(), Error> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Usage("the URL must have no user and no password".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::Usage("the URL must have no query and no fragment".to_owned()));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        _ => Err(Error::Usage(format!("{url}: must be https, or http on this machine"))),
    }
}
