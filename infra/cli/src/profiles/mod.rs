//! Where the API is and with what it is asked: from the command line and the environment, or from a profile.
//!
//! A profile is one file, `profiles/NAME.toml` below the configuration folder. Its credentials are in the system's keyring
//! where there is one, else in the file, which only its owner can read.

mod account;
mod folder;
mod keyring;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::account::{Account, Said};
pub use self::folder::Folder;

use crate::error::Error;

/// The profile that the local cloud writes. It is taken where no other is current.
pub const LOCAL: &str = "local";

/// A profile's name, which is also its file's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || text.len() > 64 || text.starts_with(['.', '-']) || !text.bytes().all(plain) {
            return Err("must be up to 64 letters, digits, dots, hyphens and underscores");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ProfileName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An API key, a token, or both.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub api_key: Option<SecretString>,
    pub token: Option<SecretString>,
}

impl Credentials {
    /// Those that are not there, from others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { api_key: self.api_key.or(other.api_key), token: self.token.or(other.token) }
    }
}

/// Credentials as text, on their way to or from where they are kept.
#[derive(Serialize, Deserialize, Default)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<&Credentials> for Written {
    fn from(credentials: &Credentials) -> Self {
        let text = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        Self { api_key: text(&credentials.api_key), token: text(&credentials.token) }
    }
}

impl From<Written> for Credentials {
    fn from(written: Written) -> Self {
        Self { api_key: written.api_key.map(Into::into), token: written.token.map(Into::into) }
    }
}

/// Where a profile's credentials are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeptIn {
    /// In the system's keyring.
    Keyring,
    /// In the profile's own file.
    File,
}

/// The file of a profile.
#[derive(Serialize, Deserialize)]
struct File {
    url: String,
    kept_in: KeptIn,
    #[serde(flatten)]
    written: Written,
}

/// A profile.
#[derive(Debug, Clone)]
pub struct Profile {
    pub url: Url,
    pub credentials: Credentials,
}

impl Folder {
    /// What a profile's file says, and its URL as one.
    fn file(&self, name: &ProfileName) -> Result<Option<(Url, File)>, Error> {
        let path = self.profile(name);
        let Some(text) = Self::text(&path)? else { return Ok(None) };
        // The error of `toml` shows the line, which may be a credential's.
        let file: File = toml::from_str(&text).map_err(|_| damaged(&path))?;
        Ok(Some((file.url.parse().map_err(|_| damaged(&path))?, file)))
    }

    /// A profile's URL and where its credentials are, without them. `None`: there is no profile of that name.
    pub fn place(&self, name: &ProfileName) -> Result<Option<(Url, KeptIn)>, Error> {
        Ok(self.file(name)?.map(|(url, file)| (url, file.kept_in)))
    }

    /// Reads a profile. `None`: there is none of that name.
    pub fn read(&self, name: &ProfileName) -> Result<Option<Profile>, Error> {
        let Some((url, file)) = self.file(name)? else { return Ok(None) };
        let written = match file.kept_in {
            KeptIn::File => file.written,
            KeptIn::Keyring => {
                let text = keyring::get(name)?;
                text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
            }
        };
        Ok(Some(Profile { url, credentials: written.into() }))
    }

    /// Writes a profile: its credentials into the keyring, or into the file where there is none.
    pub fn write(&self, name: &ProfileName, url: &Url, credentials: &Credentials) -> Result<KeptIn, Error> {
        let written = Written::from(credentials);
        let kept = keyring::set(name, &serde_json::to_string(&written).map_err(Error::system)?);
        let (kept_in, written) = if kept { (KeptIn::Keyring, Written::default()) } else { (KeptIn::File, written) };
        let text = toml::to_string(&File { url: url.to_string(), kept_in, written }).map_err(Error::system)?;
        Self::replace(&self.profile(name), &text)?;
        Ok(kept_in)
    }

    /// Removes a profile with its credentials; false if there was none.
    pub fn remove(&self, name: &ProfileName) -> Result<bool, Error> {
        if self.current()?.as_ref() == Some(name) {
            Self::delete(&self.marker())?;
        }
        keyring::delete(name);
        Self::delete(&self.profile(name))
    }
}

fn damaged(path: &Path) -> Error {
    Error::Unforeseen(format!("{} is damaged; ivory login writes it anew", path.display()))
}
