//! What every command is given.

use std::cell::OnceCell;

use serde_json::Value;

use crate::api::{Answer, Client, Request, Settings};
use crate::cli::{Change, Global};
use crate::error::Error;
use crate::output::Output;
use crate::profiles::{Account, Said};

/// The options that all commands have, and what follows from them.
pub struct Context {
    /// Standard output.
    pub output: Output,
    /// The options.
    pub global: Global,
    /// Made for the first who asks: it reads the system's authorities, and keeps its connections.
    client: OnceCell<Client>,
}

impl Context {
    pub fn new(global: Global) -> Self {
        Self { output: Output::new(&global), global, client: OnceCell::new() }
    }

    /// Where the API is, as far as options say it.
    pub fn said(&self) -> Said<'_> {
        Said { url: self.global.url.as_ref(), profile: self.global.profile.as_ref() }
    }

    /// The API's URL and the credentials at hand.
    pub fn account(&self) -> Result<Account, Error> {
        Account::find(self.said())
    }

    /// A client with the credentials at hand.
    pub fn client(&self) -> Result<&Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.client_of(self.account()?)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// A client with other credentials.
    pub fn client_of(&self, account: Account) -> Result<Client, Error> {
        let Global { time_out, retry_for, debug, .. } = self.global;
        Client::new(account, Settings { time_out: time_out.0, retry_for: retry_for.0, debug })
    }

    /// Reads one thing.
    pub async fn read(&self, request: &Request) -> Result<Value, Error> {
        self.client()?.send(request, None).await?.json()
    }

    /// Sends a request that changes something. `None`: it was to be shown only, and is.
    pub async fn change(&self, request: &Request, change: &Change) -> Result<Option<Answer>, Error> {
        if change.dry_run {
            self.output.request(request)?;
            return Ok(None);
        }
        self.client()?.send(request, change.key()).await.map(Some)
    }
}
