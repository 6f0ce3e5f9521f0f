//! The client of the API.

use std::time::Duration;

use http_kit::Answer;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::objects::{Customer, Identified, Invoice, Page, Price, Subscription};
use crate::requests::PreparedPost;

/// Pinned, so that an upgrade of the account's API version changes nothing here.
const VERSION: &str = "2026-07-29.dahlia";
/// The largest page that Stripe allows.
const PAGE: &str = "100";
/// More pages than one tenant's customers or subscriptions fill.
const MAX_PAGES: usize = 50;

/// The two modes of an account. Nothing of one exists in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nobody is billed.
    Test,
    /// Customers are billed.
    Live,
}

impl Mode {
    /// The mode of a key: `sk_live_…`, or `rk_live_…` for a restricted one.
    fn of(key: &SecretString) -> Self {
        let key = key.expose_secret();
        if key.starts_with("sk_live_") || key.starts_with("rk_live_") { Self::Live } else { Self::Test }
    }
}

/// A client of one account.
pub struct Stripe {
    http: reqwest::Client,
    base_url: String,
    secret_key: SecretString,
    mode: Mode,
    call: Duration,
}

impl Stripe {
    /// A client of the API at `base_url`, e.g. `https://api.stripe.com`. One call takes at most `call`, from connecting
    /// to the last byte.
    #[must_use]
    pub fn new(base_url: &str, secret_key: SecretString, call: Duration) -> Self {
        let (base_url, mode) = (base_url.trim_end_matches('/').to_owned(), Mode::of(&secret_key));
        Self { http: http_kit::client(call), base_url, secret_key, mode, call }
    }

    /// The mode that the secret key belongs to.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The time limit of one call. The caller has to have this much time.
    #[must_use]
    pub const fn call_timeout(&self) -> Duration {
        self.call
    }

    /// Sends a prepared request. Stripe carries out requests with the same key only once, for at least 24 hours.
    pub async fn post<T: DeserializeOwned>(&self, request: &PreparedPost, idempotency_key: &str) -> Result<T, Error> {
        let post = self
            .request(Method::POST, &request.path)
            .header("idempotency-key", idempotency_key)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(request.body.clone());
        read(&http_kit::send(post).await?)
    }

    /// Every customer with exactly this address, in the same case. This list is read-after-write, unlike Stripe's
    /// search.
    pub async fn customers_by_email(&self, email: &str) -> Result<Vec<Customer>, Error> {
        self.list("/v1/customers", &[("email", email)]).await
    }

    /// A customer; `None` if it was deleted, or does not exist for this key.
    pub async fn customer(&self, id: &str) -> Result<Option<Customer>, Error> {
        let found = existing(self.get(&format!("/v1/customers/{id}"), &[]).await)?;
        Ok(found.filter(|customer: &Customer| !customer.deleted))
    }

    /// The current state of a subscription; `None` if it does not exist for this key. An ended one exists.
    pub async fn subscription(&self, id: &str) -> Result<Option<Subscription>, Error> {
        existing(self.get(&format!("/v1/subscriptions/{id}"), &[]).await)
    }

    /// Every subscription of a customer, including ended ones. There are none of a customer that does not exist.
    pub async fn subscriptions_of(&self, customer: &str) -> Result<Vec<Subscription>, Error> {
        let found = self.list("/v1/subscriptions", &[("customer", customer), ("status", "all")]).await;
        Ok(existing(found)?.unwrap_or_default())
    }

    /// Ends a subscription now, without a last invoice. It is a success if it has ended, or does not exist for this key: Stripe
    /// says the same of both.
    pub async fn end_subscription(&self, id: &str) -> Result<(), Error> {
        self.delete(&format!("/v1/subscriptions/{id}")).await
    }

    /// Deletes a customer for good, with its subscriptions. It is a success if it was deleted, or does not exist for this key.
    pub async fn delete_customer(&self, id: &str) -> Result<(), Error> {
        self.delete(&format!("/v1/customers/{id}")).await
    }

    /// The ids of a customer's invoices that are to be paid: those that were sent, and those that Stripe is about to send.
    pub async fn unpaid_invoices_of(&self, customer: &str) -> Result<Vec<String>, Error> {
        let mut unpaid = Vec::new();
        for status in ["draft", "open"] {
            let found = self.list::<Invoice>("/v1/invoices", &[("customer", customer), ("status", status)]).await;
            unpaid.extend(existing(found)?.unwrap_or_default().into_iter().map(|invoice| invoice.id));
        }
        Ok(unpaid)
    }

    async fn delete(&self, path: &str) -> Result<(), Error> {
        let answer = http_kit::send(self.request(Method::DELETE, path)).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        match Error::of(&answer) {
            Error::Missing { .. } => Ok(()),
            error => Err(error),
        }
    }

    /// The active price with this lookup key. A key belongs to at most one price.
    pub async fn price_by_lookup_key(&self, lookup_key: &str) -> Result<Option<Price>, Error> {
        let query = [("lookup_keys[]", lookup_key), ("active", "true")];
        let page: Page<Price> = self.get("/v1/prices", &query).await?;
        Ok(page.data.into_iter().next())
    }

    async fn list<T: DeserializeOwned + Identified>(
        &self,
        path: &str,
        filter: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        let mut found: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let mut query = filter.to_vec();
            query.push(("limit", PAGE));
            if let Some(last) = found.last() {
                query.push(("starting_after", last.id()));
            }
            let page: Page<T> = self.get(path, &query).await?;
            let empty = page.data.is_empty();
            found.extend(page.data);
            if empty || !page.has_more {
                return Ok(found);
            }
        }
        // The list has more pages than it can have.
        Err(Error::UnexpectedAnswer { request_id: None })
    }

    /// Sends a read. It is sent once more if its connection broke.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Error> {
        let send = || http_kit::send(self.request(Method::GET, path).query(query));
        let answer = match send().await {
            Err(http_kit::TransportError::Broken) => send().await,
            answer => answer,
        };
        read(&answer?)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base_url))
            .bearer_auth(self.secret_key.expose_secret())
            .header("stripe-version", VERSION)
    }
}

fn existing<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    if !answer.status.is_success() {
        return Err(Error::of(answer));
    }
    answer.json().ok_or_else(|| Error::UnexpectedAnswer { request_id: answer.header("request-id").map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_says_the_mode() {
        for (key, mode) in [
            ("sk_live_x", Mode::Live),
            ("rk_live_x", Mode::Live),
            ("sk_test_live_x", Mode::Test),
            ("rk_test_x", Mode::Test),
        ] {
            assert_eq!(Mode::of(&SecretString::from(key)), mode, "{key}");
        }
    }
}
